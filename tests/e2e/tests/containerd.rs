//! containerd, as Kubernetes nodes and newer Docker engines use it: it never asks `/v2/` first,
//! sends each blob in one PUT, and takes any port of `localhost` to be plain HTTP.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn an_image_pulled_pushed_and_run() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.containerd()?;
    host.image_layout()?;
    host.sh("for name in one two; do aws ecr create-repository --repository-name $name; done")?;
    host.sh("tar -C layout -cf layout.tar .")?;
    let password = host.sh("aws ecr get-login-password")?;
    host.set("LOGIN", format!("AWS:{}", password.text()));

    host.sh("ctr images import --index-name $REGISTRY/one:1 layout.tar
         ctr images push --user $LOGIN $REGISTRY/one:1")?;
    host.sh("ctr images rm $REGISTRY/one:1
         ctr images pull --user $LOGIN $REGISTRY/one:1")?;
    let ran = host.sh("ctr run --rm $REGISTRY/one:1 greeter /bin/busybox cat /etc/greeting")?;
    assert_eq!(ran.text(), "ahoy");

    host.sh("ctr images tag $REGISTRY/one:1 $REGISTRY/two:1
         ctr images push --user $LOGIN $REGISTRY/two:1
         ctr images push --user $LOGIN $REGISTRY/two:1")?;

    host.refuses("ctr images pull $REGISTRY/one:1")?.says("401");
    host.refuses("ctr images pull --user AWS:wrong $REGISTRY/one:1")?;
    host.refuses("ctr images pull --user $LOGIN $REGISTRY/one:none")?.says("not found");
    host.refuses("ctr images pull --user $LOGIN $REGISTRY/absent:1")?.says("not found");
    Ok(())
}
