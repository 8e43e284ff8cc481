//! amazon-ecr-credential-helper: docker gets its password from `docker-credential-ecr-login`, and
//! nobody logs in. The helper knows only hosts that are named as AWS names them, so Wharf takes
//! such a name (`--registry-host`), with a certificate for it, on port 443.

use anyhow::Result;
use wharf_e2e::Host;

const REGISTRY: &str = "000000000000.dkr.ecr.us-east-1.amazonaws.com";
const API: &str = "api.ecr.us-east-1.amazonaws.com";

fn host_named_as_aws() -> Result<Host> {
    let mut host = Host::knowing(&[REGISTRY, API])?;
    host.wharf_tls(&[REGISTRY, API])?;
    host.set("WHARF_LISTEN", "127.0.0.1:443");
    host.set("WHARF_REGISTRY_HOST", "{account}.dkr.ecr.{region}.amazonaws.com");
    host.wharf()?;
    // What an administrator does once per machine: trust the private authority.
    let authority = host.get("CA").to_owned();
    host.set("SSL_CERT_FILE", authority.as_str());
    host.set("AWS_CA_BUNDLE", authority);
    host.set("REGISTRY", REGISTRY);
    host.set("AWS_ECR_DISABLE_CACHE", "true");
    host.dockerd()?;
    host.build_context("ahoy")?;
    host.sh(r#"mkdir .docker
        echo "{\"credHelpers\":{\"$REGISTRY\":\"ecr-login\"}}" > .docker/config.json"#)?;
    Ok(host)
}

fn docker_without_a_login(host: &Host) -> Result<()> {
    let made = host.sh("aws ecr create-repository --repository-name demo")?.json()?;
    assert_eq!(made["repository"]["repositoryUri"], format!("{REGISTRY}/demo"));
    host.sh("docker build --tag $REGISTRY/demo:1 demo-app
         docker push $REGISTRY/demo:1
         docker rmi $REGISTRY/demo:1
         docker pull $REGISTRY/demo:1")?;
    assert_eq!(host.sh("docker run --rm $REGISTRY/demo:1")?.text(), "ahoy");
    Ok(())
}

/// The newest release takes the endpoint from `AWS_ENDPOINT_URL`.
#[test]
fn the_newest_helper() -> Result<()> {
    let host = host_named_as_aws()?;
    docker_without_a_login(&host)?;
    host.refuses("echo localhost:5080 | docker-credential-ecr-login get")?
        .says("credentials not found");
    Ok(())
}

/// Debian's 0.6 knows no such variable: the API's own name must lead to Wharf.
#[test]
fn debians_helper() -> Result<()> {
    let host = host_named_as_aws()?;
    host.sh("ln -s /usr/bin/docker-credential-ecr-login ../bin/")?;
    docker_without_a_login(&host)
}
