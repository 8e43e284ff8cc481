//! The conformance suite of the OCI Distribution Specification, at its released version and at its
//! development branch, with every optional part of the API demanded; and once against two replicas
//! on PostgreSQL and S3. Its counts are printed.

use std::fs;

use anyhow::{Context, Result};
use wharf_e2e::{Blobs, Deployment, Host, Output};

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

/// Runs the suite at this version against the host's registry; the report is kept under `name`.
fn conformance(host: &mut Host, version: &str, name: &str) -> Result<()> {
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
    keep(host, name)?;
    let counted = ["Pass", "FAIL", "Error", "Skip", "Disabled", "Total"]
        .map(|status| Ok::<_, anyhow::Error>((status, count(&report, status)?)));
    let counted = counted.into_iter().collect::<Result<Vec<_>>>()?;
    println!("conformance {name}: {counted:?}");
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

/// Copies the suite's report, with every request and answer, to `target/conformance/NAME`.
fn keep(host: &Host, name: &str) -> Result<()> {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/conformance");
    fs::create_dir_all(kept)?;
    fs::copy(host.path("home/results/report.html"), format!("{kept}/{name}.html"))?;
    fs::copy(host.path("home/results/results.yaml"), format!("{kept}/{name}.yaml"))?;
    Ok(())
}

/// A host with one Wharf on its embedded engines.
fn embedded() -> Result<Host> {
    let mut host = Host::start()?;
    host.wharf()?;
    Ok(host)
}

#[test]
fn released() -> Result<()> {
    conformance(&mut embedded()?, "stable", "stable")
}

#[test]
fn development() -> Result<()> {
    conformance(&mut embedded()?, "dev", "dev")
}

#[test]
fn development_scaled_out() -> Result<()> {
    let mut deployment = Deployment::scaled_out(Blobs::Streamed)?;
    conformance(&mut deployment.host, "dev", "dev-scaled-out")
}
