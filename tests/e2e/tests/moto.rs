//! The public tests of ECR in moto's source distribution, which nobody here wrote, in server mode
//! against Wharf. `python/moto/wharf_moto.py` makes them run here, and `python/moto/expected.toml`
//! says which fail and why.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn the_tests_of_moto() -> Result<()> {
    let mut host = Host::start()?;
    host.set("PLUGIN", concat!(env!("CARGO_MANIFEST_DIR"), "/python/moto"));
    host.set("PYTHONDONTWRITEBYTECODE", "1");
    host.sh(r#"cd $(dirname $(command -v crane))/../moto
        PYTHONPATH=$PLUGIN:. pytest -p wharf_moto -p no:cacheprovider --quiet --tb=short -ra tests/test_ecr"#)?
    .says(" passed");
    Ok(())
}
