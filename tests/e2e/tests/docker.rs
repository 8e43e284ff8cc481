//! Docker: the tour that every ECR tutorial takes, both forms of the registry's name, and what a
//! user is told when something is wrong. Docker trusts plain HTTP on any name that is loopback.

use anyhow::Result;
use wharf_e2e::{Host, LOGIN};

/// A host with a server, an engine and a folder `demo-app` to build.
fn host_with_docker(names: &[&str]) -> Result<Host> {
    let mut host = Host::knowing(names)?;
    host.wharf()?;
    host.dockerd()?;
    host.build_context("ahoy")?;
    Ok(host)
}

#[test]
fn the_tutorial() -> Result<()> {
    host_with_docker(&[])?.tutorial()
}

#[test]
fn a_registry_named_as_aws_names_them() -> Result<()> {
    let name = "000000000000.dkr.ecr.us-east-1.localhost";
    let mut host = host_with_docker(&[name])?;
    host.set("REGISTRY", host.get("REGISTRY").replace("localhost", name));
    host.sh("aws ecr create-repository --repository-name team/app")?;
    host.sh(LOGIN)?;
    host.sh("docker build --tag $REGISTRY/team/app:1.0 demo-app
         docker push $REGISTRY/team/app:1.0
         docker rmi $REGISTRY/team/app:1.0
         docker pull $REGISTRY/team/app:1.0")?;
    assert_eq!(host.sh("docker run --rm $REGISTRY/team/app:1.0")?.text(), "ahoy");
    Ok(())
}

#[test]
fn layers_are_mounted_from_another_repository() -> Result<()> {
    let host = host_with_docker(&[])?;
    host.sh("for name in one two; do aws ecr create-repository --repository-name $name; done")?;
    host.sh(LOGIN)?;
    host.sh("docker build --tag $REGISTRY/one:1 --tag $REGISTRY/two:1 demo-app
         docker push $REGISTRY/one:1")?;
    host.sh("docker push $REGISTRY/two:1")?.says("Mounted from one");
    host.sh("docker push $REGISTRY/two:1")?.says("Layer already exists");
    Ok(())
}

#[test]
fn what_a_user_is_told() -> Result<()> {
    let host = host_with_docker(&[])?;
    host.sh("aws ecr create-repository --repository-name demo")?;
    host.sh("docker build --tag $REGISTRY/demo:1 --tag $REGISTRY/absent:1 demo-app")?;

    // Who has not logged in can neither push nor pull; the engine says so itself.
    host.refuses("docker push $REGISTRY/demo:1")?.says("no basic auth credentials");
    host.refuses("docker pull $REGISTRY/demo:1")?.says("no basic auth credentials");
    // A password that is no token.
    host.refuses("echo wrong | docker login --username AWS --password-stdin $REGISTRY")?
        .says("login attempt to");

    host.sh(LOGIN)?;
    // Repositories are not made by a push.
    host.refuses("docker push $REGISTRY/absent:1")?.says(
        "The repository with name 'absent' does not exist in the registry with id '000000000000'",
    );
    host.refuses("docker pull $REGISTRY/absent:1")?
        .says("name unknown: The repository with name 'absent' does not exist in the registry");
    host.refuses("docker pull $REGISTRY/demo:none")?
        .says("manifest unknown: Requested image not found");

    host.sh("docker logout $REGISTRY")?;
    host.refuses("docker push $REGISTRY/demo:1")?.says("no basic auth credentials");
    Ok(())
}
