//! Helm: a chart packaged, pushed, read, pulled and rendered. The repository carries the chart's
//! name, the tag its version.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn a_chart_pushed_and_pulled() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.sh("aws ecr create-repository --repository-name charts/harbour")?;
    host.sh("helm create harbour
         helm package --version 1.2.0 harbour")?;
    host.refuses("helm push --plain-http harbour-1.2.0.tgz oci://$REGISTRY/charts")?;
    host.sh("aws ecr get-login-password |
             helm registry login --plain-http --username AWS --password-stdin $REGISTRY")?
        .says("Login Succeeded");
    host.sh("helm push --plain-http harbour-1.2.0.tgz oci://$REGISTRY/charts")?
        .says("Digest: sha256:");
    host.sh("helm show chart --plain-http oci://$REGISTRY/charts/harbour --version 1.2.0")?
        .says("version: 1.2.0");
    host.sh("mkdir pulled
         helm pull --plain-http --destination pulled oci://$REGISTRY/charts/harbour
         cmp harbour-1.2.0.tgz pulled/harbour-1.2.0.tgz")?;
    host.sh("helm template demo --plain-http oci://$REGISTRY/charts/harbour --version '>=1'")?
        .says("kind: Deployment");

    let images = host.sh("aws ecr describe-images --repository-name charts/harbour")?.json()?;
    let image = &images["imageDetails"][0];
    assert_eq!(image["artifactMediaType"], "application/vnd.cncf.helm.config.v1+json");
    assert_eq!(image["imageTags"], serde_json::json!(["1.2.0"]));

    host.refuses("helm push --plain-http harbour-1.2.0.tgz oci://$REGISTRY/absent")?
        .says("does not exist");
    Ok(())
}
