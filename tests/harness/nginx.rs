//! What nginx needs around the sample, which belongs into its `http` block.

use std::{fs, path::Path, process::Command};

/// One process, which needs no rights and keeps everything in `directory`.
const AROUND: &str = "
daemon off;
master_process off;
pid DIRECTORY/pid;
error_log stderr notice;
events { worker_connections 256; }
http {
    access_log off;
    types { text/html html; text/javascript js; }
    default_type application/octet-stream;
    client_body_temp_path DIRECTORY/body;
    proxy_temp_path DIRECTORY/proxy;
    fastcgi_temp_path DIRECTORY/fastcgi;
    uwsgi_temp_path DIRECTORY/uwsgi;
    scgi_temp_path DIRECTORY/scgi;
    include DIRECTORY/sample;
}
";

/// The server, with `sample` in `directory` as its configuration.
pub(crate) fn serve(mut command: Command, directory: &Path) -> Command {
    let path = directory.join("nginx.conf");
    let around = AROUND.replace("DIRECTORY", directory.to_str().expect("a temporary directory has a plain name"));
    fs::write(&path, around).expect("our own directory");
    command.arg("-p").arg(directory).arg("-c").arg(path).args(["-e", "stderr"]);
    command
}
