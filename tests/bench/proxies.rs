//! What the gateway is compared with: proxies that others run, each at its best for this. One thread, connections
//! kept alive on both sides, nothing buffered, nothing logged.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::subject::{ONE, Subject, free_address, pinned};

/// nginx as a plain reverse proxy of `server`, with its files in `folder`.
pub(crate) fn nginx(program: &Path, server: SocketAddr, folder: &Path) -> io::Result<Subject> {
    let address = free_address()?;
    let here = folder.display();
    let configuration = format!(
        "worker_processes 1; daemon off; master_process off; pid {here}/nginx.pid; error_log {here}/error.log crit;
         worker_rlimit_nofile 65536;
         events {{ worker_connections 20000; }}
         http {{
           access_log off; keepalive_requests 100000000;
           client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
           fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
           upstream server {{ server {server}; keepalive 512; keepalive_requests 100000000; }}
           server {{
             listen {address} backlog=8192;
             location / {{
               proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection \"\";
               proxy_buffering off; client_body_buffer_size 64k; proxy_read_timeout 600s;
             }}
           }}
         }}"
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, configuration)?;
    let mut command = debian(program);
    command.arg("-c").arg(&path).arg("-p").arg(folder);
    Subject::start("nginx", command, address)
}

/// HAProxy as a plain reverse proxy of `server`, with its configuration in `folder`. It never buffers a response; it
/// would wait for more of one before it sends a packet, unless `http-no-delay` says otherwise.
pub(crate) fn haproxy(program: &Path, server: SocketAddr, folder: &Path) -> io::Result<Subject> {
    let address = free_address()?;
    let configuration = format!(
        "global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  http-reuse always
  option http-no-delay
listen gateway
  bind {address} backlog 8192
  server model {server}
"
    );
    let path = folder.join("haproxy.cfg");
    fs::write(&path, configuration)?;
    let mut command = debian(program);
    command.arg("-db").arg("-f").arg(&path);
    Subject::start("HAProxy", command, address)
}

/// A program of a Debian package, which may be unpacked anywhere: its libraries are found from there.
fn debian(program: &Path) -> Command {
    let mut command = pinned(program, ONE.cores);
    if let Some(usr) = program.ancestors().nth(2) {
        let libraries = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
        command.env("LD_LIBRARY_PATH", usr.join(libraries));
    }
    command
}
