//! A store that fails: answers 503, is late, breaks off in the middle, or does what it was asked
//! for and does not say so. Wharf tries again, and clients see a push that succeeds; when nothing
//! helps they see a clear error in bounded time.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wharf_e2e::{Blobs, Deployment, Fault};

const MIB: u64 = 1 << 20;

/// A deployment over a wire, an image with a layer of several parts, and a client.
fn with_wire() -> Result<Deployment> {
    let deployment = Deployment::scaled_out(Blobs::Wired)?;
    deployment.host.sh("aws ecr create-repository --repository-name demo
         aws ecr get-login-password |
             crane auth login --username AWS --password-stdin $REGISTRY")?;
    Ok(deployment)
}

/// Pushes a new layer of so many bytes under this tag.
fn push(tag: &str, bytes: u64) -> String {
    format!(
        "head -c {bytes} /dev/urandom > file; tar -cf {tag}.tar file
         crane append --oci-empty-base --new_layer {tag}.tar --new_tag $REGISTRY/demo:{tag}"
    )
}

#[test]
fn faults_that_pass_are_not_seen() -> Result<()> {
    let deployment = with_wire()?;
    let (host, wire) = (&deployment.host, deployment.wire()?);
    for (tag, fault, every) in [
        ("slow-down", Fault::SlowDown, 3),
        ("cut-part", Fault::CutRequest(MIB), 3),
        ("cut-at-once", Fault::CutRequest(100), 4),
        ("no-answer", Fault::NoAnswer, 4),
        ("late", Fault::Late(Duration::from_secs(2)), 3),
    ] {
        wire.fails(fault, every);
        let before = wire.met();
        host.sh(&push(tag, 30 * MIB))?;
        host.sh(&push(&format!("{tag}-small"), 100_000))?;
        ensure!(wire.met() > before, "nothing met {fault:?}");
        wire.mends();
        host.sh(&format!(
            "crane validate --remote $REGISTRY/demo:{tag}
             crane validate --remote $REGISTRY/demo:{tag}-small"
        ))?;
    }
    Ok(())
}

/// A pull that broke off between Wharf and the store goes on where it was.
#[test]
fn a_cut_pull_goes_on() -> Result<()> {
    let deployment = with_wire()?;
    let (host, wire) = (&deployment.host, deployment.wire()?);
    host.sh(&push("whole", 30 * MIB))?;
    for fault in [Fault::CutAnswer(7 * MIB), Fault::CutAnswer(300), Fault::SlowDown] {
        wire.fails(fault, 2);
        let before = wire.met();
        for _ in 0..3 {
            host.sh("crane validate --remote $REGISTRY/demo:whole")?.says("PASS");
        }
        ensure!(wire.met() > before, "nothing met {fault:?}");
    }
    Ok(())
}

/// Everything is refused for as long as it lasts: the client is told in bounded time, and the
/// next push after it succeeds.
#[test]
fn a_store_that_is_gone() -> Result<()> {
    let deployment = with_wire()?;
    let (host, wire) = (&deployment.host, deployment.wire()?);
    for (fault, tag) in [(Fault::SlowDown, "busy"), (Fault::CutRequest(0), "gone")] {
        wire.fails(fault, 1);
        host.sh(&format!(
            "head -c {} /dev/urandom > layer
             echo \"digest=$(sha256sum layer | cut -d' ' -f1)
                 user=AWS:$(aws ecr get-login-password)\" > names",
            10 * MIB
        ))?;
        let begun = Instant::now();
        let told = host.sh("source names
             curl --silent --show-error --user $user --request POST --data-binary @layer \
                 --header 'Content-Type: application/octet-stream' \
                 --write-out '\\n%{http_code}' \
                 \"http://$REGISTRY/v2/demo/blobs/uploads/?digest=sha256:$digest\"")?;
        let took = begun.elapsed();
        let status = told.text().lines().last().unwrap_or_default();
        ensure!(matches!(status, "500" | "502" | "503"), "{fault:?}: {told}");
        ensure!(took < Duration::from_secs(90), "{fault:?}: the answer took {took:?}");
        ensure!(told.text().contains("errors"), "{fault:?}: no error that clients read: {told}");
        wire.mends();
        host.sh(&push(tag, 10 * MIB))?;
        host.sh(&format!("crane validate --remote $REGISTRY/demo:{tag}"))?;
    }
    Ok(())
}
