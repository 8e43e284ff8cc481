//! crane, which stands for all that is built on go-containerregistry: ko, kaniko, cosign, Tekton.
//! It tries HTTPS and plain HTTP side by side on names that are local.

use anyhow::Result;
use wharf_e2e::Host;

fn host_with_login() -> Result<Host> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.image_layout()?;
    host.sh("for name in one two; do aws ecr create-repository --repository-name $name; done")?;
    host.refuses("crane push layout $REGISTRY/one:1")?.says("401 Unauthorized");
    host.sh("aws ecr get-login-password |
             crane auth login --username AWS --password-stdin $REGISTRY")?;
    Ok(host)
}

#[test]
fn an_image_pushed_copied_and_read() -> Result<()> {
    let host = host_with_login()?;
    host.sh("crane push layout $REGISTRY/one:1")?;
    host.sh("crane copy $REGISTRY/one:1 $REGISTRY/two:1")?.says("mounted blob");
    host.sh("crane validate --remote $REGISTRY/two:1")?.says("PASS");
    host.sh("crane tag $REGISTRY/two:1 2")?;
    assert_eq!(host.sh("crane ls $REGISTRY/two")?.text(), "1\n2");
    assert_eq!(host.sh("crane catalog $REGISTRY")?.text(), "one\ntwo");
    let greeting = host.sh("crane export $REGISTRY/two:2 - | tar -xO etc/greeting")?;
    assert_eq!(greeting.text(), "ahoy");

    host.sh("crane delete $REGISTRY/two@$(crane digest $REGISTRY/two:1)")?;
    assert_eq!(host.sh("crane ls $REGISTRY/two")?.text(), "");
    host.refuses("crane manifest $REGISTRY/two:1")?
        .says("MANIFEST_UNKNOWN: Requested image not found");
    host.refuses("crane push layout $REGISTRY/absent:1")?.says("NAME_UNKNOWN");
    Ok(())
}

#[test]
fn an_index_of_images() -> Result<()> {
    let host = host_with_login()?;
    host.sh("crane push layout $REGISTRY/one:amd64
         crane mutate --set-platform linux/arm64 --tag $REGISTRY/one:arm64 $REGISTRY/one:amd64
         crane index append --manifest $REGISTRY/one:amd64 --manifest $REGISTRY/one:arm64 \
             --tag $REGISTRY/two:both")?;
    host.sh("crane validate --remote $REGISTRY/two:both")?.says("PASS");
    let config = host.sh("crane config --platform linux/arm64 $REGISTRY/two:both")?.json()?;
    assert_eq!(config["architecture"], "arm64");
    Ok(())
}
