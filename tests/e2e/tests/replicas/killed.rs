//! A replica killed in the middle of a push or a pull: the client's own retry goes on at the other
//! one, and the image is whole.

use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use wharf_e2e::{Blobs, Deployment, Fault, LOGIN, Wire, backends, front};

/// So much has passed when a replica is killed, of a layer with [`LAYER`] bytes.
const MIDDLE: u64 = 16 << 20;
const LAYER: u64 = 96 << 20;
/// Of pulls, in bytes a second.
const RATE: u64 = 16 << 20;

/// Runs `script`, whose client is on this line, and kills the replica that is at work for it when
/// [`MIDDLE`] bytes have passed. Everything has to succeed, and the replica is there again
/// afterwards.
fn killed_during(deployment: &mut Deployment, line: &Wire, script: &str) -> Result<()> {
    let (host, replicas) = (&deployment.host, &mut deployment.replicas);
    let before = line.passed();
    thread::scope(|scope| {
        let client = scope.spawn(|| host.sh(script));
        let victim = loop {
            let backends = host.inside(async || backends().await)?;
            let busy = backends.iter().position(|backend| backend.requests > 0);
            if let (Some(busy), true) = (busy, line.passed() > before + MIDDLE) {
                break &mut replicas[busy];
            }
            ensure!(!client.is_finished(), "the client was faster than the kill");
        };
        victim.kill()?;
        client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        victim.start(host)?;
        victim.is_seen(host, true)
    })
    .with_context(|| format!("a replica was killed during: {script}"))
}

/// A deployment with clients that are logged in over a slow line, so that there is a middle to be
/// met, and a file that none of them can compress.
fn with_large_file() -> Result<(Deployment, Wire)> {
    let mut deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let line = Wire::start(&deployment.host, "127.0.0.1:8081".parse()?, front())?;
    line.fails(Fault::Slow(RATE), 1);
    deployment.host.set("REGISTRY", "localhost:8081");
    deployment.host.sh(&format!(
        "head -c {LAYER} /dev/urandom > large; tar -cf large.tar large
         aws ecr create-repository --repository-name demo
         aws ecr get-login-password |
             crane auth login --username AWS --password-stdin $REGISTRY
         aws ecr get-login-password |
             skopeo login --tls-verify=false --username AWS --password-stdin $REGISTRY"
    ))?;
    Ok((deployment, line))
}

#[test]
fn during_a_push_of_crane() -> Result<()> {
    let (mut deployment, line) = with_large_file()?;
    let push = "crane append --oci-empty-base --new_layer large.tar --new_tag $REGISTRY/demo:1";
    killed_during(&mut deployment, &line, push)?;
    deployment.host.sh("crane validate --remote $REGISTRY/demo:1")?.says("PASS");
    Ok(())
}

/// Debian's skopeo takes 502 for final; the same command again, as any pipeline would run it, finds
/// nothing in its way.
#[test]
fn during_a_push_of_skopeo() -> Result<()> {
    let (mut deployment, line) = with_large_file()?;
    deployment.host.sh(
        "crane append --oci-empty-base --new_layer large.tar --new_tag $REGISTRY/demo:0
         crane pull --format=oci $REGISTRY/demo:0 layout
         aws ecr create-repository --repository-name other",
    )?;
    let push =
        "push() { skopeo copy --dest-tls-verify=false oci:layout docker://$REGISTRY/other:1; }
                push || push";
    killed_during(&mut deployment, &line, push)?;
    deployment.host.sh("crane validate --remote $REGISTRY/other:1")?.says("PASS");
    Ok(())
}

#[test]
fn during_a_push_and_a_pull_of_docker() -> Result<()> {
    let (mut deployment, line) = with_large_file()?;
    deployment.host.dockerd()?;
    let host = &deployment.host;
    host.build_context("ahoy")?;
    host.sh("mv large demo-app; echo 'COPY large /large' >> demo-app/Dockerfile")?;
    host.sh(LOGIN)?;
    host.sh("docker build --tag $REGISTRY/demo:1 demo-app")?;
    let push = "docker push $REGISTRY/demo:1";
    killed_during(&mut deployment, &line, push)?;
    let host = &deployment.host;
    host.sh("crane validate --remote $REGISTRY/demo:1")?.says("PASS");

    host.sh("docker rmi $REGISTRY/demo:1")?;
    let pull = "docker pull $REGISTRY/demo:1";
    killed_during(&mut deployment, &line, pull)?;
    let host = &deployment.host;
    let ran = host.sh("docker run --rm $REGISTRY/demo:1")?;
    ensure!(ran.text() == "ahoy", "another image was pulled: {ran}");
    Ok(())
}

#[test]
fn during_a_pull_of_containerd() -> Result<()> {
    let (mut deployment, line) = with_large_file()?;
    deployment.host.containerd()?;
    deployment
        .host
        .sh("crane append --oci-empty-base --new_layer large.tar --new_tag $REGISTRY/demo:1")?;
    let pull = "ctr content fetch --user AWS:$(aws ecr get-login-password) $REGISTRY/demo:1";
    killed_during(&mut deployment, &line, pull)?;
    let size = deployment.host.sh("ctr content ls | awk '{print $2}' | grep -c MB")?;
    if size.text() != "1" {
        bail!("the layer is not there: {size}");
    }
    Ok(())
}
