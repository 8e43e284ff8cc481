//! regctl: copies, tag lists, artifacts, indexes, and a blob sent in chunks. It is told which
//! hosts speak plain HTTP.

use anyhow::Result;
use wharf_e2e::Host;

fn host_with_login() -> Result<Host> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.image_layout()?;
    host.sh("for name in one two; do aws ecr create-repository --repository-name $name; done")?;
    host.sh("regctl registry set --skip-check --tls disabled $REGISTRY
         aws ecr get-login-password | regctl registry login --user AWS --pass-stdin $REGISTRY")?;
    Ok(host)
}

#[test]
fn images_and_tags() -> Result<()> {
    let host = host_with_login()?;
    host.sh("regctl image copy ocidir://layout:1 $REGISTRY/one:1
         regctl image copy $REGISTRY/one:1 $REGISTRY/two:1
         regctl image copy $REGISTRY/one:1 $REGISTRY/two:2")?;
    assert_eq!(host.sh("regctl tag ls $REGISTRY/two")?.text(), "1\n2");
    assert_eq!(
        host.sh("regctl image digest $REGISTRY/one:1")?.text(),
        host.sh("regctl image digest $REGISTRY/two:2")?.text()
    );
    host.sh("regctl repo ls $REGISTRY")?.says("one").says("two");

    host.sh("regctl tag rm $REGISTRY/two:1")?;
    assert_eq!(host.sh("regctl tag ls $REGISTRY/two")?.text(), "2");
    host.sh("regctl manifest rm $REGISTRY/two@$(regctl image digest $REGISTRY/two:2)")?;
    host.refuses("regctl manifest get $REGISTRY/two:2")?.says("not found");
    Ok(())
}

#[test]
fn artifacts_and_an_index() -> Result<()> {
    let host = host_with_login()?;
    host.sh("regctl image copy ocidir://layout:1 $REGISTRY/one:1
         regctl image mod --create $REGISTRY/one:arm --config-platform linux/arm64 $REGISTRY/one:1
         regctl index create $REGISTRY/one:both --ref $REGISTRY/one:1 --ref $REGISTRY/one:arm
         echo signed | regctl artifact put --artifact-type application/vnd.example.signature \
             --file-media-type text/plain --subject $REGISTRY/one:both")?;
    host.sh("regctl artifact get --subject $REGISTRY/one:both")?.says("signed");
    // A copy with its referrers, to a repository that has none of them.
    host.sh("regctl image copy --referrers $REGISTRY/one:both $REGISTRY/two:both")?;
    host.sh("regctl artifact get --subject $REGISTRY/two:both")?.says("signed");
    let index = host.sh("regctl manifest get --format raw-body $REGISTRY/two:both")?.json()?;
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(2), "{index}");
    Ok(())
}

#[test]
fn a_blob_in_chunks() -> Result<()> {
    let host = host_with_login()?;
    host.sh("head -c 20000000 /dev/urandom > blob
         regctl registry set --skip-check --blob-chunk 6000000 --blob-max 6000000 $REGISTRY
         digest=$(regctl blob put $REGISTRY/one < blob)
         test $digest = sha256:$(sha256sum blob | cut -d' ' -f1)
         regctl blob get $REGISTRY/one $digest | cmp - blob")?;
    Ok(())
}
