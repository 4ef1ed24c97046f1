/* What the server calls of the module. */
#ifndef H264_EXPORTS_H
#define H264_EXPORTS_H

#include "h264_nginx.h"

/* What the directives of a place say. */
void *h264_section_new(void);
void h264_section_drop(void *section);
/* 0 where the directive is wrong, which is in the log then. */
int h264_section_set(void *section, struct ngx_conf_s *cf);
int h264_section_merge(const void *wide, void *narrow);
/* Where the next film in an address may end, after what was tried; 0 for nowhere. */
size_t h264_film_end(const void *section, struct h264_bytes uri, size_t after);
/* Whether the module answers requests in this place. */
int h264_section_is_on(const void *section);
/* Whether it is on there and anything is refused: before the merge, by what stands there itself. */
int h264_section_has_guard(const void *section);
/* Whether the server's own handler of files may not send films of this place. */
int h264_section_is_guarded(const void *section);
/* Before the server forks. */
void h264_init_module(void);
int h264_metrics(struct ngx_http_request_s *r);

/* What the module has for the server. A status of HTTP, or an outcome. After H264_WAIT it is called
 * once more, when what was posted is done. With H264_BODY the first piece is there, or has to wait
 * for its time. */
int h264_begin(struct ngx_http_request_s *r, int fd, int is_directio, void **context);
/* The same of a film that the server may not open: never H264_WAIT or H264_BODY. */
int h264_begin_unopened(struct ngx_http_request_s *r);
/* One of h264_next. After H264_READS it is called once more, when what was posted is done. */
int h264_next(struct ngx_http_request_s *r, void *context, struct h264_piece *piece);
/* The client is gone: what a thread does for it may end. */
void h264_give_up(const void *context);
void h264_drop(void *context);
/* What h264_post was given, on a thread. */
void h264_work(void *work);

#endif
