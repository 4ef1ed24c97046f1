/* Ours and the server's records and constants are the same, or nothing compiles. */
#include "internal.h"

#define SAME_FIELD(ours, our_field, theirs, their_field)                                        \
    _Static_assert(offsetof(ours, our_field) == offsetof(theirs, their_field)                   \
                       && sizeof(((ours *)0)->our_field) == sizeof(((theirs *)0)->their_field), \
                   #theirs "." #their_field)

SAME_FIELD(h264_command, name, command_rec, name);
SAME_FIELD(h264_command, set, command_rec, func);
SAME_FIELD(h264_command, data, command_rec, cmd_data);
SAME_FIELD(h264_command, overrides, command_rec, req_override);
SAME_FIELD(h264_command, arguments, command_rec, args_how);
SAME_FIELD(h264_command, usage, command_rec, errmsg);
_Static_assert(sizeof(h264_command) == sizeof(command_rec), "command_rec");

SAME_FIELD(h264_module, version, module, version);
SAME_FIELD(h264_module, minor_version, module, minor_version);
SAME_FIELD(h264_module, module_index, module, module_index);
SAME_FIELD(h264_module, name, module, name);
SAME_FIELD(h264_module, magic, module, magic);
SAME_FIELD(h264_module, create_dir_config, module, create_dir_config);
SAME_FIELD(h264_module, merge_dir_config, module, merge_dir_config);
SAME_FIELD(h264_module, commands, module, cmds);
SAME_FIELD(h264_module, register_hooks, module, register_hooks);
/* `flags` came in a later 2.4: ours may be the longer record, never the shorter. */
_Static_assert(sizeof(h264_module) >= sizeof(module), "module");

SAME_FIELD(h264_bucket_type, name, apr_bucket_type_t, name);
SAME_FIELD(h264_bucket_type, functions, apr_bucket_type_t, num_func);
SAME_FIELD(h264_bucket_type, is_metadata, apr_bucket_type_t, is_metadata);
SAME_FIELD(h264_bucket_type, destroy, apr_bucket_type_t, destroy);
SAME_FIELD(h264_bucket_type, read, apr_bucket_type_t, read);
SAME_FIELD(h264_bucket_type, setaside, apr_bucket_type_t, setaside);
SAME_FIELD(h264_bucket_type, split, apr_bucket_type_t, split);
SAME_FIELD(h264_bucket_type, copy, apr_bucket_type_t, copy);
_Static_assert(sizeof(h264_bucket_type) == sizeof(apr_bucket_type_t), "apr_bucket_type_t");

_Static_assert(H264_RAW_ARGS == (int)RAW_ARGS, "cmd_how");
_Static_assert(H264_TAKE1 == (int)TAKE1 && H264_ITERATE == (int)ITERATE && H264_FLAG == (int)FLAG, "cmd_how");
_Static_assert(H264_OR_FILEINFO == OR_FILEINFO && H264_RSRC_CONF == RSRC_CONF && H264_ACCESS_CONF == ACCESS_CONF,
               "OR_FILEINFO, RSRC_CONF, ACCESS_CONF");
_Static_assert(H264_LOG_CRITICAL == APLOG_CRIT && H264_LOG_ERROR == APLOG_ERR && H264_LOG_WARNING == APLOG_WARNING
                   && H264_LOG_INFO == APLOG_INFO && H264_LOG_DEBUG == APLOG_DEBUG,
               "log levels");
_Static_assert(H264_OK == OK && H264_DECLINED == DECLINED && H264_FILTER_ERROR == AP_FILTER_ERROR, "handler results");
_Static_assert(H264_MOVED_TEMPORARILY == HTTP_MOVED_TEMPORARILY, "302");
_Static_assert(H264_FORBIDDEN == HTTP_FORBIDDEN && H264_NOT_MODIFIED == HTTP_NOT_MODIFIED, "403, 304");
_Static_assert(H264_INTERNAL_SERVER_ERROR == HTTP_INTERNAL_SERVER_ERROR && H264_HTTP_OK == HTTP_OK, "500, 200");
_Static_assert(H264_EGENERAL == APR_EGENERAL, "APR_EGENERAL");
_Static_assert(H264_NONBLOCKING == (int)APR_NONBLOCK_READ, "APR_NONBLOCK_READ");
_Static_assert(sizeof(apr_off_t) == sizeof(int64_t), "files over 2 GiB need a 64-bit apr_off_t");
