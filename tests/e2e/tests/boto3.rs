//! boto3, the AWS SDK for Python, with botocore's own validation on: see `python/ecr/`, which is
//! the test, run by pytest.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn every_operation_that_is_served() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.set("TESTS", concat!(env!("CARGO_MANIFEST_DIR"), "/python/ecr"));
    // Nothing is written beside the sources.
    host.set("PYTHONDONTWRITEBYTECODE", "1");
    host.sh("pytest -p no:cacheprovider --quiet --tb=short $TESTS")?.says(" passed");
    Ok(())
}
