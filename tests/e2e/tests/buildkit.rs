//! BuildKit, which is what buildx drives: one tag for two platforms, with attestations, in each form
//! and compression that it makes, and its caches in the registry. What ECR's API says of all that is
//! asked after each push. Everything is built from nothing, so no base image has to be had.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use wharf_e2e::Host;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";
const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";

/// A build whose two platforms differ in what they hold and in how much. The first stage is in no
/// image, only in a cache that holds all stages.
const CONTEXT: &str = "\
mkdir -p ship/amd64 ship/arm64
head -c 100000 /dev/urandom > ship/amd64/cargo
head -c 300000 /dev/urandom > ship/arm64/cargo
echo ahoy > ship/greeting
cat > ship/Dockerfile <<'END'
FROM scratch AS loaded
ARG TARGETARCH
COPY $TARGETARCH /hold
FROM scratch
COPY --from=loaded /hold /hold
COPY greeting /etc/greeting
END";

const LOGIN: &str = "aws ecr get-login-password |
    crane auth login --username AWS --password-stdin $REGISTRY";

/// A host with the registry, the repositories `ship` and `cache`, BuildKit and the context.
fn host_with_buildkit() -> Result<Host> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.buildkitd("http = true")?;
    fill(&host)?;
    Ok(host)
}

fn fill(host: &Host) -> Result<()> {
    host.sh("for name in ship cache; do aws ecr create-repository --repository-name $name; done")?;
    host.sh(CONTEXT)?;
    Ok(())
}

/// The same over TLS, with a private authority that BuildKit's configuration names.
fn host_over_tls() -> Result<Host> {
    let mut host = Host::knowing(&["registry.test"])?;
    host.wharf_tls(&["registry.test"])?;
    host.set("WHARF_LISTEN", "127.0.0.1:443");
    host.set("WHARF_PUBLIC_URL", "https://registry.test");
    host.set("WHARF_REGISTRY_HOST", "registry.test");
    host.wharf()?;
    host.set("REGISTRY", "registry.test");
    host.buildkitd(&format!("ca = ['{}']", host.get("CA")))?;
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        host.set(variable, host.get("CA").to_owned());
    }
    fill(&host)?;
    Ok(host)
}

/// The command that builds the context for both platforms.
fn build(options: &str) -> String {
    format!(
        "buildctl build --progress plain --frontend dockerfile.v0 --local context=ship \
             --local dockerfile=ship --opt platform=linux/amd64,linux/arm64 {options}"
    )
}

/// The options that push the result as this tag of `ship`.
fn pushed(tag: &str, attributes: &str) -> String {
    format!("--output type=image,name=$REGISTRY/ship:{tag},push=true{attributes}")
}

/// The images of a repository as DescribeImages tells them, by digest.
fn described(host: &Host, repository: &str) -> Result<BTreeMap<String, Value>> {
    let answer =
        host.sh(&format!("aws ecr describe-images --repository-name {repository}"))?.json()?;
    let details = answer["imageDetails"].as_array().context("a list")?;
    Ok(details.iter().map(|image| (text(&image["imageDigest"]), image.clone())).collect())
}

/// A manifest of `ship`, by tag or digest, as BatchGetImage gives it: its bytes are what its digest
/// says.
fn manifest(host: &Host, id: &str) -> Result<Value> {
    let image = host
        .sh(&format!("aws ecr batch-get-image --repository-name ship --image-ids {id}"))?
        .json()?;
    let image = &image["images"][0];
    let bytes = text(&image["imageManifest"]);
    assert_eq!(text(&image["imageId"]["imageDigest"]), wharf_e2e::digest(bytes.as_bytes()), "{id}");
    let manifest: Value = serde_json::from_str(&bytes)?;
    assert_eq!(manifest["mediaType"], image["imageManifestMediaType"], "{id}");
    Ok(manifest)
}

/// The digest of the index's child for this architecture.
fn child(index: &Value, architecture: &str) -> Result<String> {
    let mut children = index["manifests"].as_array().into_iter().flatten();
    let found = children.find(|child| child["platform"]["architecture"] == architecture);
    Ok(text(&found.with_context(|| format!("no {architecture} in {index}"))?["digest"]))
}

/// The digest of the attestations of an image that the index lists.
fn attestation(index: &Value, image: &str) -> Result<String> {
    let mut children = index["manifests"].as_array().into_iter().flatten();
    let found = children
        .find(|child| child["annotations"]["vnd.docker.reference.digest"] == image)
        .with_context(|| format!("no attestation of {image} in {index}"))?;
    assert_eq!(found["platform"], json!({"architecture": "unknown", "os": "unknown"}));
    assert_eq!(found["annotations"]["vnd.docker.reference.type"], "attestation-manifest");
    Ok(text(&found["digest"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Pulls a tag of `ship` with other clients, for each platform, and compares what is in it.
fn pull(host: &Host, tag: &str) -> Result<()> {
    host.sh(&format!(
        "for arch in amd64 arm64; do
             crane export --platform linux/$arch $REGISTRY/ship:{tag} - |
                 tar -xO hold/cargo | cmp - ship/$arch/cargo
             skopeo copy --override-arch $arch --src-tls-verify=false \
                 docker://$REGISTRY/ship:{tag} oci:pulled:{tag}-$arch
             skopeo inspect --config oci:pulled:{tag}-$arch | grep -F '\"architecture\": \"'$arch
         done
         skopeo copy --all --src-tls-verify=false docker://$REGISTRY/ship:{tag} oci:all:{tag}"
    ))?;
    Ok(())
}

#[test]
fn an_index_with_attestations_as_ecr_sees_it() -> Result<()> {
    let host = host_with_buildkit()?;
    let command = build(&format!(
        "--opt attest:provenance=mode=max --metadata-file built {}",
        pushed("1", "")
    ));
    host.refuses(&command)?.says("401 Unauthorized");
    host.sh(LOGIN)?;
    host.sh(&command)?;
    let index = manifest(&host, "imageTag=1")?;
    let digest = text(&host.sh("cat built")?.json()?["containerimage.digest"]);

    let images = described(&host, "ship")?;
    assert_eq!(images.len(), 5, "an index, two images, two attestations: {images:?}");
    for architecture in ["amd64", "arm64"] {
        let child = child(&index, architecture)?;
        let attestation = attestation(&index, &child)?;
        image_as_described(&host, &images[&child], OCI_CONFIG)?;
        image_as_described(&host, &images[&attestation], ATTESTATION)?;
        assert_eq!(images[&attestation]["subjectManifestDigest"], *child);
        let document = manifest(&host, &format!("imageDigest={attestation}"))?;
        assert_eq!(document["layers"][0]["mediaType"], "application/vnd.in-toto+json");
        referrers_are(&host, &child, &[&attestation])?;
    }
    let largest = &images[&child(&index, "arm64")?]["imageSizeInBytes"];
    let seen = &images[&digest];
    assert_eq!(seen["imageManifestMediaType"], OCI_INDEX);
    assert_eq!(seen["imageTags"], json!(["1"]));
    assert_eq!(seen["imageSizeInBytes"], *largest, "that of the largest child");
    assert_eq!(seen.get("artifactMediaType"), None, "an index has no config: {seen}");

    let count = "aws ecr list-images --repository-name ship --query 'length(imageIds)' --filter";
    for (status, images) in [("ANY", "5"), ("TAGGED", "1"), ("UNTAGGED", "4")] {
        assert_eq!(host.sh(&format!("{count} tagStatus={status}"))?.text(), images, "{status}");
    }
    pull(&host, "1")
}

/// What DescribeImages says of an untagged image, beside what its manifest says.
fn image_as_described(host: &Host, image: &Value, artifact: &str) -> Result<()> {
    let document = manifest(host, &format!("imageDigest={}", text(&image["imageDigest"])))?;
    let blobs = document["layers"].as_array().into_iter().flatten().chain([&document["config"]]);
    let size: u64 = blobs.filter_map(|blob| blob["size"].as_u64()).sum();
    assert_eq!(image["imageSizeInBytes"], size, "{document}");
    assert_eq!(image["imageManifestMediaType"], document["mediaType"]);
    assert_eq!(image["artifactMediaType"], artifact);
    assert_eq!(image.get("imageTags"), None, "{image}");
    Ok(())
}

/// What refers to an image of `ship`, on both doors.
fn referrers_are(host: &Host, subject: &str, expected: &[&str]) -> Result<()> {
    let api = host
        .sh(&format!(
            "aws ecr list-image-referrers --repository-name ship --subject-id imageDigest={subject}"
        ))?
        .json()?;
    let oci = host.sh(&format!("oras discover --format json $REGISTRY/ship@{subject}"))?.json()?;
    for referrers in [&api["referrers"], &oci["referrers"]] {
        let found = referrers.as_array().into_iter().flatten();
        let digests: Vec<_> = found.clone().map(|referrer| text(&referrer["digest"])).collect();
        assert_eq!(digests, expected, "{referrers}");
        for referrer in found {
            assert_eq!(referrer["mediaType"], OCI_MANIFEST);
            assert_eq!(referrer["artifactType"], ATTESTATION);
        }
    }
    Ok(())
}

#[test]
fn what_an_index_lists_stays_until_the_index_is_gone() -> Result<()> {
    let host = host_with_buildkit()?;
    host.sh(LOGIN)?;
    // Both list the same two images; each has attestations of its own, in the one form and the other.
    for (tag, form) in [("1", ",oci-artifact=true"), ("2", ",oci-artifact=false")] {
        host.sh(&build(&format!("--opt attest:provenance=mode=max {}", pushed(tag, form))))?;
    }
    let (first, second) = (manifest(&host, "imageTag=1")?, manifest(&host, "imageTag=2")?);
    let image = child(&first, "amd64")?;
    assert_eq!(image, child(&second, "amd64")?);
    let [one, two] = ["1", "2"].map(|tag| host.sh(&format!("crane digest $REGISTRY/ship:{tag}")));
    let (one, two) = (one?.text().to_owned(), two?.text().to_owned());
    let (of_first, of_second) = (attestation(&first, &image)?, attestation(&second, &image)?);
    // The older form has no subject, so the registry does not know it as a referrer.
    let images = described(&host, "ship")?;
    image_as_described(&host, &images[&of_second], OCI_CONFIG)?;
    assert_eq!(images[&of_second].get("subjectManifestDigest"), None);
    referrers_are(&host, &image, &[&of_first])?;

    let mut both = [one.as_str(), two.as_str()];
    both.sort_unstable();
    stays(&host, &image, &both)?;
    stays(&host, &of_first, &[&one])?;
    stays(&host, &of_second, &[&two])?;
    host.sh("aws ecr batch-delete-image --repository-name ship --image-ids imageTag=1")?;
    host.sh(&format!("crane delete $REGISTRY/ship@{of_first}"))?;
    stays(&host, &image, &[&two])?;
    pull(&host, "2")?;

    // In one call the images may go too, once the index before them has gone.
    let gone = format!(
        "aws ecr batch-delete-image --repository-name ship --image-ids imageDigest={two} \
             imageDigest={image} imageDigest={of_second}"
    );
    assert_eq!(host.sh(&gone)?.json()?["failures"], json!([]));
    host.refuses(&format!("crane manifest $REGISTRY/ship@{image}"))?.says("MANIFEST_UNKNOWN");
    Ok(())
}

/// An image of `ship` that its parents keep: neither door deletes it, and both name them.
fn stays(host: &Host, image: &str, parents: &[&str]) -> Result<()> {
    let reason = format!("Requested image referenced by manifest list: [{}]", parents.join(", "));
    let answer = host
        .sh(&format!(
            "aws ecr batch-delete-image --repository-name ship --image-ids imageDigest={image}"
        ))?
        .json()?;
    let failure = json!({
        "imageId": {"imageDigest": image},
        "failureCode": "ImageReferencedByManifestList",
        "failureReason": reason,
    });
    assert_eq!(answer, json!({"imageIds": [], "failures": [failure]}));
    let answer = host.sh(&format!(
        "curl --silent --show-error --request DELETE --write-out ' %{{http_code}}' \
             --user AWS:$(aws ecr get-login-password) http://$REGISTRY/v2/ship/manifests/{image}"
    ))?;
    let errors = json!({"errors": [{"code": "UNSUPPORTED", "message": reason}]});
    let (body, status) = answer.text().rsplit_once(' ').context("a status")?;
    assert_eq!((serde_json::from_str::<Value>(body)?, status), (errors, "405"));
    Ok(())
}

/// A form that BuildKit pushes: its tag, the attributes of the output, and the media types of the
/// index, of its images, of their configs and of their layers.
type Form = (&'static str, &'static str, [&'static str; 4]);

const FORMS: &[Form] = &[
    (
        "docker",
        ",oci-mediatypes=false",
        [
            DOCKER_LIST,
            DOCKER_MANIFEST,
            DOCKER_CONFIG,
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ],
    ),
    (
        "oci",
        ",oci-mediatypes=true",
        [OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+gzip"],
    ),
    (
        "zstd",
        ",compression=zstd,force-compression=true,oci-mediatypes=true",
        [OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+zstd"],
    ),
    (
        "estargz",
        ",compression=estargz,force-compression=true,oci-mediatypes=true",
        [OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+gzip"],
    ),
    (
        "uncompressed",
        ",compression=uncompressed,force-compression=true,oci-mediatypes=true",
        [OCI_INDEX, OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar"],
    ),
];

#[test]
fn every_form_and_compression() -> Result<()> {
    let host = host_with_buildkit()?;
    host.sh(LOGIN)?;
    for (tag, attributes, [index_type, image_type, config_type, layer_type]) in FORMS {
        host.sh(&build(&pushed(tag, attributes)))?;
        let index = manifest(&host, &format!("imageTag={tag}"))?;
        let images = described(&host, "ship")?;
        for architecture in ["amd64", "arm64"] {
            let digest = child(&index, architecture)?;
            image_as_described(&host, &images[&digest], config_type)?;
            let document = manifest(&host, &format!("imageDigest={digest}"))?;
            assert_eq!(document["mediaType"], *image_type, "{tag}");
            for layer in document["layers"].as_array().context("layers")? {
                assert_eq!(layer["mediaType"], *layer_type, "{tag}");
                let toc = &layer["annotations"]["containerd.io/snapshot/stargz/toc.digest"];
                assert_eq!(toc.is_string(), *tag == "estargz", "{layer}");
            }
        }
        assert_eq!(index["mediaType"], *index_type, "{tag}");
        pull(&host, tag)?;
    }
    Ok(())
}

/// The options that export the cache, and those that import it.
fn cache(attributes: &str) -> (String, String) {
    (
        format!("--export-cache type=registry,ref=$REGISTRY/cache:all,mode=max{attributes}"),
        "--import-cache type=registry,ref=$REGISTRY/cache:all".to_owned(),
    )
}

/// Builds with these options on a builder that has forgotten everything: no step is done again. Of
/// each BuildKit says that it was cached, or which of its layers were fetched.
fn build_cached(host: &Host, options: &str) -> Result<()> {
    host.sh("buildctl prune --all; test -z \"$(buildctl du --format '{{.ID}}')\"")?;
    let told = host.sh(&format!("{} 2>&1", build(options)))?;
    let lines: Vec<_> = told.text().lines().collect();
    let steps: Vec<_> = lines.iter().filter(|line| line.contains("] COPY ")).collect();
    assert!(!steps.is_empty(), "{told}");
    for step in steps {
        let id = step.split(' ').next().context("a number")?;
        let from_cache = [format!("{id} CACHED"), format!("{id} sha256:")];
        let is_from_cache = |line: &&str| from_cache.iter().any(|words| line.starts_with(words));
        assert!(lines.iter().any(is_from_cache), "{step} was done again: {told}");
    }
    Ok(())
}

/// What is built from the caches is what went into them.
fn comes_from_the_cache(host: &Host, options: &str) -> Result<()> {
    host.sh("rm -rf built")?;
    build_cached(host, &format!("{options} --output type=local,dest=built"))?;
    host.sh("for arch in amd64 arm64; do
             cmp built/linux_$arch/hold/cargo ship/$arch/cargo
         done; cmp built/linux_arm64/etc/greeting ship/greeting")?;
    Ok(())
}

#[test]
fn a_cache_as_an_image_manifest() -> Result<()> {
    let host = host_with_buildkit()?;
    host.sh(LOGIN)?;
    let (export, import) = cache(",image-manifest=true,oci-mediatypes=true");
    host.sh(&build(&format!("{export} {}", pushed("1", ""))))?;
    let images = described(&host, "cache")?;
    let image = images.values().next().context("a cache")?;
    assert_eq!((images.len(), &image["imageTags"]), (1, &json!(["all"])));
    assert_eq!(image["imageManifestMediaType"], OCI_MANIFEST);
    assert_eq!(image["artifactMediaType"], CACHE_CONFIG);

    comes_from_the_cache(&host, &import)?;
    // The next run of a pipeline imports, builds, pushes and exports again.
    build_cached(&host, &format!("{import} {export} {}", pushed("2", "")))?;
    let (first, second) = (manifest(&host, "imageTag=1")?, manifest(&host, "imageTag=2")?);
    for architecture in ["amd64", "arm64"] {
        let layers = |index| -> Result<Value> {
            let id = format!("imageDigest={}", child(index, architecture)?);
            Ok(manifest(&host, &id)?["layers"].clone())
        };
        assert_eq!(layers(&first)?, layers(&second)?, "{architecture}");
    }
    comes_from_the_cache(&host, &import)
}

#[test]
fn a_cache_inside_the_image_over_tls() -> Result<()> {
    let host = host_over_tls()?;
    host.sh(LOGIN)?;
    host.sh(&build(&format!("--export-cache type=inline {}", pushed("1", ""))))?;
    pull(&host, "1")?;
    comes_from_the_cache(&host, "--import-cache type=registry,ref=$REGISTRY/ship:1")
}

/// An index that lists layers instead of images. ECR refuses it, so BuildKit makes the other form by
/// itself nowadays.
#[test]
fn a_cache_as_an_index_of_layers() -> Result<()> {
    let host = host_with_buildkit()?;
    host.sh(LOGIN)?;
    for types in ["true", "false"] {
        let (export, import) = cache(&format!(",image-manifest=false,oci-mediatypes={types}"));
        host.refuses(&build(&format!("{export} {import}")))?
            .says("required for pushing image into repository with name 'cache'");
        assert!(described(&host, "cache")?.is_empty());
    }
    Ok(())
}
