//! The tour that every ECR tutorial takes with `aws` and `docker`, from the first login to the
//! deletion of the repository. Whatever stands between the clients and the registry, it goes the
//! same way.

use anyhow::{Result, ensure};

use crate::Host;

/// Logs Docker in, as ECR's console says.
pub const LOGIN: &str = "aws ecr get-login-password |
     docker login --username AWS --password-stdin $REGISTRY";

impl Host {
    /// Takes the tour, on a host with a registry, Docker's engine and a build context that prints
    /// `ahoy`.
    ///
    /// # Errors
    /// When a command fails, or one succeeds that must not.
    pub fn tutorial(&self) -> Result<()> {
        let host = self;
        host.sh(r#"eval "$(wharf env)"
            aws ecr create-repository --repository-name demo-app-repo"#)?;
        host.sh(LOGIN)?.says("Login Succeeded");
        host.sh("docker build --tag demo-app demo-app")?;
        host.sh("docker tag demo-app $REGISTRY/demo-app-repo:latest")?;
        host.sh("docker push $REGISTRY/demo-app-repo:latest")?.says("latest: digest: sha256:");
        let digest = self.describe_pushed()?;

        host.sh("docker rmi demo-app $REGISTRY/demo-app-repo:latest")?.says("Deleted: sha256:");
        host.sh("docker pull $REGISTRY/demo-app-repo:latest")?
            .says("Downloaded newer image")
            .says(&digest);
        let ran = host.sh("docker run --rm $REGISTRY/demo-app-repo:latest")?;
        ensure!(ran.text() == "ahoy", "the image printed other words: {ran}");

        host.sh(
            "aws ecr batch-delete-image --repository-name demo-app-repo --image-ids imageTag=latest",
        )?
        .says(&digest);
        host.refuses("docker pull $REGISTRY/demo-app-repo:latest")?;
        host.sh("docker push $REGISTRY/demo-app-repo:latest")?;
        host.refuses("aws ecr delete-repository --repository-name demo-app-repo")?
            .says("RepositoryNotEmptyException");
        host.sh("aws ecr delete-repository --repository-name demo-app-repo --force")?;
        host.refuses("aws ecr describe-images --repository-name demo-app-repo")?
            .says("RepositoryNotFoundException");
        Ok(())
    }

    /// The digest of the image, after a look whether the API and Docker agree on it.
    fn describe_pushed(&self) -> Result<String> {
        let images = self.sh("aws ecr describe-images --repository-name demo-app-repo")?.json()?;
        let image = &images["imageDetails"][0];
        ensure!(image["imageTags"] == serde_json::json!(["latest"]), "{images}");
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        ensure!(image["imageManifestMediaType"] == kind, "{images}");
        let pushed = self.sh("docker inspect --format '{{index .RepoDigests 0}}' demo-app")?;
        let digest = image["imageDigest"].as_str().unwrap_or_default();
        ensure!(pushed.text().ends_with(digest), "{} is not {digest}", pushed.text());
        Ok(digest.to_owned())
    }
}
