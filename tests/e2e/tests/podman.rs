//! podman and buildah: log in, build without an engine, push, pull, run, and an index of images
//! for two platforms. They want TLS of every host; `--tls-verify=false` allows plain HTTP.

use anyhow::Result;
use wharf_e2e::Host;

/// Some machines refuse containers more open files or processes than they have themselves.
const LIMITS: &str = "--ulimit nofile=1024:1024 --ulimit nproc=1024:1024";

fn host_with_podman() -> Result<Host> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.build_context("ahoy")?;
    // No instruction of the Dockerfile runs a program, so no container is needed to build it.
    host.set("BUILDAH_ISOLATION", "chroot");
    Ok(host)
}

#[test]
fn an_image_built_pushed_pulled_and_run() -> Result<()> {
    let host = host_with_podman()?;
    host.sh("aws ecr create-repository --repository-name demo")?;
    host.sh("buildah build --tag $REGISTRY/demo:1 demo-app")?;

    host.refuses("podman push --tls-verify=false $REGISTRY/demo:1")?
        .says("authentication required");
    host.refuses(
        "echo wrong | podman login --tls-verify=false --username AWS --password-stdin $REGISTRY",
    )?;
    host.sh("aws ecr get-login-password |
             podman login --tls-verify=false --username AWS --password-stdin $REGISTRY")?
        .says("Login Succeeded");
    host.sh("podman push --tls-verify=false $REGISTRY/demo:1")?;
    host.sh("podman rmi $REGISTRY/demo:1
         podman pull --tls-verify=false $REGISTRY/demo:1")?;
    let ran = host.sh(&format!("podman run --rm --network none {LIMITS} $REGISTRY/demo:1"))?;
    assert_eq!(ran.text(), "ahoy");

    let images = host.sh("aws ecr describe-images --repository-name demo")?.json()?;
    let kind = &images["imageDetails"][0]["imageManifestMediaType"];
    assert_eq!(kind, "application/vnd.oci.image.manifest.v1+json");

    host.refuses("podman push --tls-verify=false $REGISTRY/demo:1 $REGISTRY/absent:1")?
        .says("The repository with name 'absent' does not exist in the registry");
    host.refuses("podman pull --tls-verify=false $REGISTRY/demo:none")?
        .says("Requested image not found");
    Ok(())
}

#[test]
fn one_tag_for_two_platforms() -> Result<()> {
    let host = host_with_podman()?;
    host.sh("aws ecr create-repository --repository-name demo")?;
    host.sh("aws ecr get-login-password |
             buildah login --tls-verify=false --username AWS --password-stdin $REGISTRY")?;
    host.sh("for arch in amd64 arm64; do
             buildah build --arch $arch --manifest both demo-app
         done
         buildah manifest push --all --tls-verify=false both docker://$REGISTRY/demo:both")?;
    let index =
        host.sh("skopeo inspect --raw --tls-verify=false docker://$REGISTRY/demo:both")?.json()?;
    let platforms: Vec<_> = index["manifests"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|manifest| manifest["platform"]["architecture"].as_str())
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"], "{index}");

    // The index and its two images: three entries in ECR's eyes, one of them with a tag.
    let images = host.sh("aws ecr list-images --repository-name demo")?.json()?;
    assert_eq!(images["imageIds"].as_array().map(Vec::len), Some(3), "{images}");
    host.sh("podman pull --tls-verify=false --arch arm64 $REGISTRY/demo:both")?;
    // What an index names cannot be deleted before the index is.
    host.sh("child=$(aws ecr list-images --repository-name demo --filter tagStatus=UNTAGGED \
             --query 'imageIds[0].imageDigest' --output text)
         aws ecr batch-delete-image --repository-name demo --image-ids imageDigest=$child")?
        .says("ImageReferencedByManifestList");
    Ok(())
}
