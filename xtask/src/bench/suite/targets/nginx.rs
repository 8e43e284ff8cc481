//! The limit for pulls: nginx with sendfile over plain files that lie where a registry's paths are.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;

use super::super::content::Content;
use super::super::image::Image;
use super::super::process::ServerProcess;
use super::super::target::free_address;

/// Starts nginx with two workers and its files below `dir`.
///
/// # Errors
/// Fails if nginx is missing (`apt-get install nginx-light`).
pub fn start(dir: &Path) -> anyhow::Result<(ServerProcess, SocketAddr)> {
    let address = free_address()?;
    std::fs::create_dir_all(dir.join("root/v2"))?;
    let config = dir.join("nginx.conf");
    std::fs::write(&config, settings(dir, address))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(dir).arg("-c").arg(config).args(["-g", "daemon off;"]);
    Ok((ServerProcess::start(&mut command, &dir.join("log"))?, address))
}

fn settings(dir: &Path, address: SocketAddr) -> String {
    let dir = dir.display();
    // Workers of another user could not enter the folder, which only its owner can.
    format!(
        "user root;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    default_type application/octet-stream;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{ listen {address}; root {dir}/root; }}
}}
"
    )
}

/// Writes an image's files to the paths that a registry would serve them under.
///
/// # Errors
/// Fails if the disk does.
pub async fn publish(dir: &Path, repository: &str, tag: &str, image: &Image) -> anyhow::Result<()> {
    let root = dir.join("root/v2").join(repository);
    for blob in &image.blobs {
        write(&root.join("blobs").join(&blob.digest), &blob.content).await?;
    }
    let manifest = &image.manifest;
    write(&root.join("manifests").join(&manifest.digest), &manifest.content).await?;
    write(&root.join("manifests").join(tag), &manifest.content).await
}

async fn write(path: &Path, content: &Content) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    let mut file = tokio::fs::File::create(path).await?;
    let mut body = content.sized();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            file.write_all(data).await?;
        }
    }
    Ok(file.sync_all().await?)
}
