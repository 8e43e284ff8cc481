//! oras: artifacts that are no images, and what is attached to an image: SBOMs, signatures,
//! models. It uses plain HTTP on `localhost` by itself.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn an_artifact_with_an_sbom_attached() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.sh("aws ecr create-repository --repository-name models/tide")?;
    host.sh("aws ecr get-login-password | oras login --username AWS --password-stdin $REGISTRY")?
        .says("Login Succeeded");

    host.sh("echo 0.25 > weights.txt; echo '{\"spdxVersion\":\"SPDX-2.3\"}' > sbom.json
         oras push --artifact-type application/vnd.example.model $REGISTRY/models/tide:1 \
             weights.txt:text/plain
         oras attach --artifact-type application/spdx+json $REGISTRY/models/tide:1 \
             sbom.json:application/json
         oras attach --artifact-type application/vnd.example.signature $REGISTRY/models/tide:1 \
             weights.txt:text/plain")?;

    let all = host.sh("oras discover --format json $REGISTRY/models/tide:1")?.json()?;
    assert_eq!(all["referrers"].as_array().map(Vec::len), Some(2), "{all}");
    let only = host
        .sh("oras discover --format json --artifact-type application/spdx+json $REGISTRY/models/tide:1")?
        .json()?;
    assert_eq!(only["referrers"].as_array().map(Vec::len), Some(1), "{only}");
    // The referrers endpoint answered: nothing fell back to a tag made of the digest.
    assert_eq!(host.sh("oras repo tags $REGISTRY/models/tide")?.text(), "1");

    let sbom = only["referrers"][0]["digest"].as_str().unwrap_or_default().to_owned();
    host.set("SBOM", sbom);
    host.sh("oras pull --output model $REGISTRY/models/tide:1; cmp weights.txt model/weights.txt
         oras pull --output found $REGISTRY/models/tide@$SBOM; cmp sbom.json found/sbom.json")?;

    let images =
        host.sh("aws ecr describe-images --repository-name models/tide --image-ids imageTag=1")?;
    assert_eq!(
        images.json()?["imageDetails"][0]["artifactMediaType"],
        "application/vnd.example.model"
    );
    host.refuses("oras pull $REGISTRY/models/tide:none")?.says("not found");
    Ok(())
}
