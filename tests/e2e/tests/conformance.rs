//! The conformance suite of the OCI Distribution Specification, at its released version and at its
//! development branch, with every optional part of the API demanded. Its counts are printed.

use std::fs;

use anyhow::{Context, Result};
use wharf_e2e::{Host, Output};

/// Everything that the suite leaves off unless told otherwise. What stays off is sparse content:
/// an index that names images which were never pushed, which ECR refuses.
const EVERY_OPTION: [&str; 15] = [
    "API_PULL",
    "API_PUSH",
    "API_BLOBS_ATOMIC",
    "API_BLOBS_DELETE",
    "API_BLOBS_DIGEST_HEADER",
    "API_BLOBS_MOUNT_ANONYMOUS",
    "API_BLOBS_UPLOAD_CANCEL",
    "API_MANIFESTS_ATOMIC",
    "API_MANIFESTS_DELETE",
    "API_MANIFESTS_DIGEST_HEADER",
    "API_MANIFESTS_TAG_PARAM",
    "API_TAGS_ATOMIC",
    "API_TAGS_DELETE",
    "API_TAGS_LIST",
    "API_REFERRER",
];

fn conformance(version: &str) -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.sh("for name in conformance/one conformance/two; do
                 aws ecr create-repository --repository-name $name
             done")?;
    for option in EVERY_OPTION {
        host.set(&format!("OCI_{option}"), "true");
    }
    let password = host.sh("aws ecr get-login-password")?;
    let registry = host.get("REGISTRY").to_owned();
    for (name, value) in [
        ("OCI_VERSION", version),
        ("OCI_REGISTRY", &registry),
        ("OCI_TLS", "disabled"),
        ("OCI_REPO1", "conformance/one"),
        ("OCI_REPO2", "conformance/two"),
        ("OCI_USERNAME", "AWS"),
        ("OCI_PASSWORD", password.text()),
    ] {
        host.set(name, value);
    }
    // The report says more than the suite's own verdict.
    let report = host.sh("conformance || test -s results/report.html")?;
    keep(&host, version)?;
    let counted = ["Pass", "FAIL", "Error", "Skip", "Disabled", "Total"]
        .map(|status| Ok::<_, anyhow::Error>((status, count(&report, status)?)));
    let counted = counted.into_iter().collect::<Result<Vec<_>>>()?;
    println!("conformance {version}: {counted:?}");
    let of = |status| counted.iter().find(|(name, _)| *name == status).map_or(0, |(_, n)| *n);
    assert!(of("Pass") > 500, "the suite hardly ran: {counted:?}\n{report}");
    assert!(of("FAIL") == 0 && of("Error") == 0, "{counted:?}\n{}", failures(&report));
    Ok(())
}

/// A line such as `  Pass..........................:         73` of the report.
fn count(report: &Output, status: &str) -> Result<u32> {
    let number = report.text().lines().find_map(|line| {
        let (name, number) = line.trim().split_once(':')?;
        let padded = name.strip_prefix(status)?;
        padded.trim_matches('.').is_empty().then(|| number.trim().parse().ok())?
    });
    number.with_context(|| format!("the report does not count {status}: {report}"))
}

/// The lines of the report that tell of a failure, each followed by its reasons.
fn failures(report: &Output) -> String {
    let mut failing = false;
    let told = report.text().lines().filter(|line| {
        if !line.trim_start().starts_with("- ") {
            failing = line.ends_with(": FAIL") || line.ends_with(": Error");
        }
        failing
    });
    told.collect::<Vec<_>>().join("\n")
}

/// Copies the suite's report, with every request and answer, to `target/conformance/VERSION`.
fn keep(host: &Host, version: &str) -> Result<()> {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/conformance");
    fs::create_dir_all(kept)?;
    fs::copy(host.path("home/results/report.html"), format!("{kept}/{version}.html"))?;
    fs::copy(host.path("home/results/results.yaml"), format!("{kept}/{version}.yaml"))?;
    Ok(())
}

#[test]
fn released() -> Result<()> {
    conformance("stable")
}

#[test]
fn development() -> Result<()> {
    conformance("dev")
}
