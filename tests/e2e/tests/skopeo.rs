//! skopeo: copies between folders and repositories, tag lists, inspection and deletion. It wants
//! TLS of every host; `--tls-verify=false` allows plain HTTP.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn an_image_copied_in_about_and_out() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.image_layout()?;
    host.sh("for name in one two; do aws ecr create-repository --repository-name $name; done")?;
    host.sh("aws ecr get-login-password |
             skopeo login --tls-verify=false --username AWS --password-stdin $REGISTRY")?
        .says("Login Succeeded");

    host.sh("skopeo copy --dest-tls-verify=false oci:layout:1 docker://$REGISTRY/one:1")?;
    // The second copy mounts the layers, since skopeo remembers where it has seen them.
    host.sh("skopeo copy --src-tls-verify=false --dest-tls-verify=false \
             docker://$REGISTRY/one:1 docker://$REGISTRY/two:1")?;
    host.sh("for tag in b a; do
             skopeo copy --dest-tls-verify=false oci:layout:1 docker://$REGISTRY/one:$tag
         done")?;
    let tags = host.sh("skopeo list-tags --tls-verify=false docker://$REGISTRY/one")?.json()?;
    assert_eq!(tags["Tags"], serde_json::json!(["1", "a", "b"]));

    host.sh("skopeo copy --src-tls-verify=false docker://$REGISTRY/two:1 oci:copy:1
         for blob in $(ls layout/blobs/sha256); do
             cmp layout/blobs/sha256/$blob copy/blobs/sha256/$blob
         done")?;

    let inspect =
        "skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://$REGISTRY/one:1";
    assert_eq!(host.sh(inspect)?.text(), host.sh("cat image-digest")?.text());

    host.sh("skopeo delete --tls-verify=false docker://$REGISTRY/one:1")?;
    host.refuses(inspect)?.says("Requested image not found");
    host.sh(&inspect.replace("one", "two"))?;
    Ok(())
}

#[test]
fn a_docker_image_stays_one() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.image_layout()?;
    host.sh("aws ecr create-repository --repository-name demo")?;
    host.sh("aws ecr get-login-password |
             skopeo login --tls-verify=false --username AWS --password-stdin $REGISTRY")?;
    host.sh("skopeo copy --format v2s2 --dest-tls-verify=false oci:layout:1 docker://$REGISTRY/demo:docker")?;
    let manifest = host
        .sh("skopeo inspect --raw --tls-verify=false docker://$REGISTRY/demo:docker")?
        .json()?;
    assert_eq!(manifest["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
    Ok(())
}
