//! The clients through the proxy: nothing is different for them, whether layers are streamed
//! through Wharf or fetched from the store.

use anyhow::{Result, ensure};
use wharf_e2e::{BUCKET, Blobs, Deployment, Host, STORE, backends};

/// Repositories and a layout of a small image in each.
fn with_layout(blobs: Blobs) -> Result<Deployment> {
    let deployment = Deployment::scaled_out(blobs)?;
    deployment.host.image_layout()?;
    deployment.host.sh(
        "for name in one two; do aws ecr create-repository --repository-name $name; done
         aws ecr get-login-password |
             crane auth login --username AWS --password-stdin $REGISTRY",
    )?;
    Ok(deployment)
}

#[test]
fn the_tutorial_streamed() -> Result<()> {
    the_tutorial(Blobs::Streamed)
}

#[test]
fn the_tutorial_redirected() -> Result<()> {
    the_tutorial(Blobs::Redirected)
}

fn the_tutorial(blobs: Blobs) -> Result<()> {
    let mut deployment = Deployment::scaled_out(blobs)?;
    deployment.host.dockerd()?;
    deployment.host.build_context("ahoy")?;
    deployment.host.tutorial()
}

/// Bytes of answers that came through Wharf so far.
fn streamed(host: &Host) -> Result<u64> {
    Ok(host.inside(async || backends().await)?.iter().map(|backend| backend.sent).sum())
}

/// Each client that fetches layers itself follows the 307: what comes through Wharf then is far
/// less than the layer, which has about a megabyte.
#[test]
fn each_client_fetches_layers_from_the_store() -> Result<()> {
    let mut deployment = with_layout(Blobs::Redirected)?;
    deployment.host.dockerd()?;
    deployment.host.containerd()?;
    let host = &deployment.host;
    host.sh("crane push layout $REGISTRY/one:1
         aws ecr get-login-password |
             docker login --username AWS --password-stdin $REGISTRY
         aws ecr get-login-password |
             podman login --tls-verify=false --username AWS --password-stdin $REGISTRY")?;
    for pull in [
        "docker pull $REGISTRY/one:1",
        "ctr images pull --user AWS:$(aws ecr get-login-password) $REGISTRY/one:1",
        "podman pull --tls-verify=false $REGISTRY/one:1",
        "skopeo copy --src-tls-verify=false docker://$REGISTRY/one:1 oci:copy:1
         for blob in $(ls layout/blobs/sha256); do
             cmp layout/blobs/sha256/$blob copy/blobs/sha256/$blob
         done",
        "crane validate --remote $REGISTRY/one:1",
    ] {
        let before = streamed(host)?;
        host.sh(pull)?;
        let came = streamed(host)? - before;
        ensure!(came < 200_000, "{came} bytes came through Wharf for: {pull}");
    }
    Ok(())
}

#[test]
fn heads_and_ranges_when_streamed() -> Result<()> {
    heads_and_ranges(Blobs::Streamed)
}

#[test]
fn heads_and_ranges_when_redirected() -> Result<()> {
    heads_and_ranges(Blobs::Redirected)
}

/// `curl` follows as clients do, and tells what it was told. A signature for GET is none for HEAD,
/// so Wharf answers HEAD itself.
fn heads_and_ranges(blobs: Blobs) -> Result<()> {
    let deployment = with_layout(blobs)?;
    let host = &deployment.host;
    host.sh("crane push layout $REGISTRY/one:1")?;
    host.sh(r#"layer=$(ls -S layout/blobs/sha256 | head -1)
        echo "layer=$layer
            size=$(stat -c %s layout/blobs/sha256/$layer)
            url=http://$REGISTRY/v2/one/blobs/sha256:$layer
            user=AWS:$(aws ecr get-login-password)" > names"#)?;
    let asked = |request: &str| {
        host.sh(&format!("source names; curl --silent --show-error --user $user {request}"))
    };
    let head = asked("--head $url | tr -d '\\r' | tr A-Z a-z")?;
    let layer = host.sh("source names; echo $layer $size")?;
    let (layer, size) = layer.text().split_once(' ').unwrap_or_default();
    head.says("http/1.1 200")
        .says(&format!("content-length: {size}"))
        .says(&format!("docker-content-digest: sha256:{layer}"))
        .says("accept-ranges: bytes");

    let first = asked("--output /dev/null --write-out '%{http_code} %{redirect_url}' $url")?;
    if blobs == Blobs::Redirected {
        let store = format!("307 http://{STORE}/{BUCKET}/registry/");
        ensure!(first.text().starts_with(&store), "not sent to the store: {first}");
        ensure!(first.text().contains("X-Amz-Signature="), "no signature: {first}");
    } else {
        ensure!(first.text() == "200", "not streamed: {first}");
    }

    let to = "source names; file=layout/blobs/sha256/$layer";
    let curl = "curl --silent --show-error --fail --location --user $user";
    host.sh(&format!("{to}; {curl} $url | cmp - $file"))?;
    for (range, expected) in [
        ("0-0", "head -c 1 $file"),
        ("5-9", "head -c 10 $file | tail -c 5"),
        ("-7", "tail -c 7 $file"),
        ("100000-", "tail -c +100001 $file"),
        ("100000-99999999", "tail -c +100001 $file"),
    ] {
        host.sh(&format!("{to}; cmp <({curl} --range {range} $url) <({expected})"))?;
        let status = "--output /dev/null --write-out '%{http_code}'";
        let answered = host.sh(&format!("{to}; {curl} {status} --range {range} $url"))?;
        ensure!(answered.text() == "206", "range {range}: {answered}");
    }
    let beyond = "--location --output /dev/null --write-out '%{http_code}' --range 99999999- $url";
    ensure!(asked(beyond)?.text() == "416", "a range beyond the end");
    Ok(())
}
