//! The AWS SDK for JavaScript: see `javascript/ecr.test.cjs`, which is the test, run by Node.js's
//! own runner.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn every_operation_that_is_served() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.set("TESTS", concat!(env!("CARGO_MANIFEST_DIR"), "/javascript/ecr.test.cjs"));
    // The packages are beside the folder of programs, not beside the tests.
    host.sh(r#"export NODE_PATH=$(dirname $(command -v node))/../javascript/node_modules
        node --test-reporter=spec $TESTS"#)?
        .says("fail 0");
    Ok(())
}
