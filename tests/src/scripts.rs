//! Programs that servers run to answer a request.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::servers::{Site, is_tested};

/// Where Apache is set up as a service, `tests/setup.sh` installs no modules of other packages:
/// they would change it.
const APACHE_SERVICE: &str = "/etc/apache2/apache2.conf";

const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// Configuration for programs whose names end in `.cgi`.
pub const APACHE_CGI: &str = "LoadModule cgid_module /usr/lib/apache2/modules/mod_cgid.so\nScriptSock {dir}/cgid.sock\n\
     <Directory {docroot}>\nOptions +ExecCGI\nAddHandler cgi-script .cgi\n</Directory>";
/// Configuration for programs whose names end in `.cgi`.
pub const LIGHTTPD_CGI: &str = "server.modules += (\"mod_cgi\")\ncgi.assign = (\".cgi\" => \"\")";

/// A program that the server runs for `/{name}`. It prints `head`.
pub fn put_script(site: &Site, name: &str, head: &str) {
    put_program(site, name, &format!("#!/bin/sh\nprintf '{head}'\n"));
}

/// A program that the server runs for `/{name}`.
///
/// Another process writes it. A file that this process writes may be open for writing in a server
/// that another test starts meanwhile, until that server is executed, and such a file cannot be
/// executed (`ETXTBSY`).
pub fn put_program(site: &Site, name: &str, text: &str) {
    let draft = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(draft.path(), text).expect("a file of our own");
    let mut install = Command::new("install");
    install.args(["-m", "755", "--"]).arg(draft.path()).arg(site.docroot().join(name));
    assert!(install.status().is_ok_and(|status| status.success()), "{name} cannot be installed");
}

/// Configuration for PHP inside Apache with the MPM prefork. `None` where PHP cannot be had.
pub fn php() -> Option<String> {
    let modules = fs::read_dir(APACHE_MODULES).expect("Apache's modules").flatten();
    // Whichever version the distribution has.
    let php = modules.map(|module| module.path()).find(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("libphp"))
    });
    let php = or_service(php, "php")?;
    Some(format!(
        "LoadModule php_module {}\n<FilesMatch \"\\.php$\">\nSetHandler application/x-httpd-php\n</FilesMatch>",
        php.display()
    ))
}

/// Configuration for `X-Sendfile` from scripts of Apache. `None` where mod_xsendfile cannot be had.
pub fn x_sendfile() -> Option<String> {
    let module = Path::new(APACHE_MODULES).join("mod_xsendfile.so");
    let module = or_service(module.exists().then_some(module), "xsendfile")?;
    Some(format!("LoadModule xsendfile_module {}\nXSendFile On\nXSendFilePath {{dir}}", module.display()))
}

fn or_service<T>(module: Option<T>, name: &str) -> Option<T> {
    assert!(module.is_some() || Path::new(APACHE_SERVICE).exists(), "run tests/setup.sh test for {name}");
    is_tested(name, module.is_some());
    module
}
