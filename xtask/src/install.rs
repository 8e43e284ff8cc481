//! Puts what the tests need on this machine: Debian's packages of the container engines, the
//! newest command lines and SDKs that come from PyPI, npm, the Go module proxy and crates.io, each at
//! the version it was tried with. What is there already is left alone, so a second run takes a
//! moment; what cannot be had is an error that names it. Rust, a C compiler, Go and Node.js are the
//! machine's own.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// Where the tools are that do not come from Debian.
pub struct Tools {
    /// `target/tools` of the workspace: `bin/`, the Python environment `python/bin/`, the packages
    /// of npm below `javascript/`, and the tests of `moto/`.
    pub dir: PathBuf,
}

/// Debian's packages, with the version that the tests were tried with and what they are for.
/// Debian replaces versions as it mends them, so these are told, not demanded.
const DEBIAN: &[(&str, &str, &str)] = &[
    ("amazon-ecr-credential-helper", "0.6.0", "docker without a login"),
    ("awscli", "2.9.19", "the aws command line, version 2"),
    ("buildah", "1.28.2", "images built without an engine"),
    ("busybox-static", "1.35.0", "the base of every test image"),
    ("ca-certificates", "20230311", "TLS of the package registries"),
    ("containerd", "1.6.20", "the engine of Kubernetes nodes, and its ctr"),
    ("curl", "7.88.1", "requests in test scripts"),
    ("docker.io", "20.10.24", "the Docker engine"),
    ("e2fsprogs", "1.47.0", "the small disk that a test fills"),
    ("haproxy", "2.6.12", "the proxy in front of replicas"),
    ("iproute2", "6.1.0", "the network of a test's own host"),
    ("pgbouncer", "1.18.0", "the pooler before PostgreSQL"),
    ("podman", "4.3.1", "the engine of Red Hat's systems"),
    ("postgresql", "15", "the second database engine"),
    ("python3-venv", "3.11.2", "the environment of the packages from PyPI"),
    ("runc", "1.1.5", "the runtime that the engines and BuildKit start"),
    ("skopeo", "1.9.3", "copies between registries"),
];

/// Packages of PyPI. The last three run the tests of [`MOTO`].
const PYTHON: &[(&str, &str)] = &[
    ("awscli", "1.46.3"),
    ("boto3", "1.44.8"),
    ("pytest", "9.2.0"),
    ("freezegun", "1.5.5"),
    ("moto", MOTO),
];

/// The version of moto whose public tests are run. Its source distribution has them; its wheel,
/// which the tests import, has not.
const MOTO: &str = "5.2.5";

/// Packages of npm.
const JAVASCRIPT: &[(&str, &str)] = &[("@aws-sdk/client-ecr", "3.1169.0")];

/// The oldest Node.js that [`JAVASCRIPT`] takes.
const NODE_AT_LEAST: u32 = 20;

/// Main packages of Go modules: the binary's name, the package's path, the module's version.
const GO: &[(&str, &str, &str)] = &[
    ("crane", "github.com/google/go-containerregistry/cmd/crane", "v0.22.1"),
    (
        "docker-credential-ecr-login",
        "github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login",
        "v0.12.0",
    ),
    ("oras", "oras.land/oras/cmd/oras", "v1.3.6"),
    ("regctl", "github.com/regclient/regclient/cmd/regctl", "v0.11.7"),
    (
        "conformance",
        "github.com/opencontainers/distribution-spec/conformance",
        "v0.0.0-20260831232431-97274622c111",
    ),
    ("helm", "helm.sh/helm/v3/cmd/helm", "v3.22.0"),
    // What buildx drives. Debian 12 has no buildx, and its Docker engine cannot make an index.
    ("buildkitd", "github.com/moby/buildkit/cmd/buildkitd", "v0.34.2"),
    ("buildctl", "github.com/moby/buildkit/cmd/buildctl", "v0.34.2"),
    // A real S3 server: the only one beside Garage that a registry serves as source, and it keeps
    // objects as plain files, which a test can look into.
    ("versitygw", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
];

/// Programs of crates.io. Compiled without optimisation: building them takes longer than they run.
const CARGO: &[(&str, &str)] = &[("cargo-deny", "0.20.2"), CARGO_FUZZ];

/// What `cargo xtask fuzz` runs its targets with.
const CARGO_FUZZ: (&str, &str) = ("cargo-fuzz", "0.13.2");

/// The oldest Go that builds all of [`GO`].
const GO_AT_LEAST: (u32, u32) = (1, 26);

/// Installs everything that the tests need and that is not there yet.
///
/// # Errors
/// With a paragraph for each thing that is missing: what it is, and what its installer said.
pub fn everything() -> Result<Tools> {
    let dir = folder()?;
    let begun = Instant::now();
    // Debian's installer waits for the network and the disk, Go's compiler for the processor.
    let ended = thread::scope(|scope| {
        let packages = scope.spawn(|| {
            let python = || debian().and_then(|()| python(&dir)).and_then(|()| moto(&dir));
            vec![python(), javascript(&dir)]
        });
        let programs = scope.spawn(|| vec![go(&dir), cargo(&dir)]);
        [packages.join(), programs.join()]
    });
    let panicked = |_| vec![Err(anyhow!("an installer's thread panicked"))];
    let failures: Vec<_> = ended
        .into_iter()
        .flat_map(|results| results.unwrap_or_else(panicked))
        .filter_map(Result::err)
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(failures.is_empty(), "what the tests need is missing.\n\n{}", failures.join("\n\n"));
    println!("install: all there after {:.1} s", begun.elapsed().as_secs_f32());
    Ok(Tools { dir })
}

/// Installs cargo-fuzz alone, if it is not there yet, and tells where it is.
///
/// # Errors
/// With what its installer said.
pub fn cargo_fuzz() -> Result<PathBuf> {
    let dir = folder()?;
    let (name, version) = CARGO_FUZZ;
    crates_io(&dir, name, version)?;
    Ok(dir.join("bin").join(name))
}

/// Where everything is installed that does not come from Debian.
fn folder() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is in a workspace")?;
    let dir = root.join("target/tools");
    fs::create_dir_all(dir.join("bin"))?;
    Ok(dir)
}

/// Debian's packages.
fn debian() -> Result<()> {
    let missing = debian_missing()?;
    if missing.is_empty() {
        return Ok(());
    }
    for (name, tried, purpose) in &missing {
        println!("install: Debian's {name} (tried with {tried}): {purpose}");
    }
    let told = missing.iter().map(|(name, _, purpose)| format!("{name}, for {purpose}"));
    let told = format!("Debian's packages: {}", told.collect::<Vec<_>>().join("; "));
    run(apt().arg("update")).with_context(|| told.clone())?;
    let names = missing.iter().map(|(name, ..)| name);
    run(apt().args(["install", "--yes", "--no-install-recommends"]).args(names))
        .with_context(|| told.clone())?;
    ensure!(
        debian_missing()?.is_empty(),
        "{told}: apt-get reports success, yet they are not there"
    );
    Ok(())
}

/// The lines of [`DEBIAN`] whose package is not installed whole.
fn debian_missing() -> Result<Vec<(&'static str, &'static str, &'static str)>> {
    let names = DEBIAN.iter().map(|(name, ..)| name);
    let listed = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(names)
        .output()
        .context("dpkg-query: the tests with real clients need Debian or a system made from it")?;
    let listed = String::from_utf8(listed.stdout)?;
    let there = |name: &str| listed.lines().any(|line| line == format!("{name} installed"));
    Ok(DEBIAN.iter().filter(|(name, ..)| !there(name)).copied().collect())
}

/// `apt-get` that asks nothing and waits for another one to end.
fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args([
        "--quiet=2",
        "--option=DPkg::Lock::Timeout=600",
        "--option=Acquire::Retries=3",
    ]);
    apt
}

/// The Python environment, made anew whenever the wanted versions change.
fn python(dir: &Path) -> Result<()> {
    let wanted: Vec<_> =
        PYTHON.iter().map(|(name, version)| format!("{name}=={version}")).collect();
    let environment = dir.join("python");
    let receipt = environment.join("installed");
    if fs::read_to_string(&receipt).is_ok_and(|installed| installed == wanted.join("\n")) {
        return Ok(());
    }
    println!("install: {} from PyPI", wanted.join(" and "));
    let told = || format!("from PyPI: {}", wanted.join(", "));
    run(Command::new("/usr/bin/python3").args(["-m", "venv", "--clear"]).arg(&environment))
        .with_context(told)?;
    run(Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(&wanted))
    .with_context(told)?;
    fs::write(receipt, wanted.join("\n"))?;
    Ok(())
}

/// The tests of moto's source distribution, unpacked.
fn moto(dir: &Path) -> Result<()> {
    let (folder, wanted) = (dir.join("moto"), format!("moto=={MOTO}"));
    let receipt = folder.join("installed");
    if fs::read_to_string(&receipt).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("install: the source distribution of {wanted} from PyPI, for its tests");
    let told = || format!("the source distribution of {wanted}, from PyPI");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    run(Command::new(dir.join("python/bin/pip"))
        .args(["download", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--no-binary=moto", "--dest"])
        .arg(&folder)
        .arg(&wanted))
    .with_context(told)?;
    let archive = folder.join(format!("moto-{MOTO}.tar.gz"));
    run(Command::new("tar")
        .args(["--extract", "--gzip", "--strip-components=1", "--no-same-owner"])
        .arg("--directory")
        .arg(&folder)
        .arg("--file")
        .arg(&archive)
        .arg(format!("moto-{MOTO}/tests")))
    .with_context(told)?;
    fs::remove_file(archive)?;
    fs::write(receipt, wanted)?;
    Ok(())
}

/// The packages of npm, all anew whenever the wanted versions change, and the Node.js that runs
/// them: tests look for programs in `bin/` and in the folders of a bare Debian alone.
fn javascript(dir: &Path) -> Result<()> {
    let node = node()?;
    let link = dir.join("bin/node");
    if fs::read_link(&link).ok().as_ref() != Some(&node) {
        // Whatever was there is another one, or nothing.
        let _ = fs::remove_file(&link);
        symlink(node, link)?;
    }
    let wanted: Vec<_> =
        JAVASCRIPT.iter().map(|(name, version)| format!("{name}@{version}")).collect();
    let folder = dir.join("javascript");
    let receipt = folder.join("installed");
    if fs::read_to_string(&receipt).is_ok_and(|installed| installed == wanted.join("\n")) {
        return Ok(());
    }
    println!("install: {} from npm", wanted.join(" and "));
    let told = || format!("from npm: {}", wanted.join(", "));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    run(Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .args(&wanted))
    .with_context(told)?;
    fs::write(receipt, wanted.join("\n"))?;
    Ok(())
}

/// Where Node.js is, if it is new enough.
fn node() -> Result<PathBuf> {
    let told = || format!("Node.js {NODE_AT_LEAST} or newer with npm, for the SDK for JavaScript");
    let script = "console.log(process.versions.node); console.log(process.execPath)";
    let output = Command::new("node").args(["--eval", script]).output().with_context(told)?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let (version, path) = output.trim_end().split_once('\n').with_context(told)?;
    match version.split('.').next().map(str::parse::<u32>) {
        Some(Ok(major)) if major >= NODE_AT_LEAST => Ok(PathBuf::from(path)),
        _ => bail!("{}; `node` on the search path is {version:?}", told()),
    }
}

/// The programs written in Go, one after the other: each build uses all processors.
fn go(dir: &Path) -> Result<()> {
    let missing: Vec<_> = GO.iter().filter(|program| !go_there(dir, program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    go_is_new_enough()?;
    let mut failures = Vec::new();
    for program in missing {
        let (binary, _, version) = program;
        println!("install: {binary} {version} with Go");
        let begun = Instant::now();
        match go_build(dir, program) {
            Ok(()) => println!("install: {binary} took {:.0} s", begun.elapsed().as_secs_f32()),
            Err(error) => failures.push(format!("{binary} {version}, a Go program: {error:#}")),
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

/// Builds a program as a dependency of a module of its own. `go install` of a version refuses those
/// whose modules exclude versions of others, as BuildKit's does.
fn go_build(dir: &Path, (binary, package, version): &(&str, &str, &str)) -> Result<()> {
    let module = dir.join("go").join(binary);
    if module.exists() {
        fs::remove_dir_all(&module)?;
    }
    fs::create_dir_all(&module)?;
    let go = |arguments: &[&str]| {
        let mut go = Command::new("go");
        go.current_dir(&module).env("GOBIN", dir.join("bin")).env("CGO_ENABLED", "0");
        run(go.args(arguments))
    };
    go(&["mod", "init", "tools"])?;
    go(&["get", &format!("{package}@{version}")])?;
    go(&["install", "-trimpath", "-ldflags=-s -w", package])
}

/// Whether a binary is there and was built from the wanted version; Go writes that into it.
fn go_there(dir: &Path, (binary, package, version): &(&str, &str, &str)) -> bool {
    let Ok(told) =
        Command::new("go").args(["version", "-m"]).arg(dir.join("bin").join(binary)).output()
    else {
        return false;
    };
    let told = String::from_utf8_lossy(&told.stdout);
    let mut fields = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields.any(|field| {
        matches!(field[..], ["mod", module, built, ..] if package.starts_with(module) && built == *version)
    })
}

fn go_is_new_enough() -> Result<()> {
    let (major, minor) = GO_AT_LEAST;
    let told = || format!("Go {major}.{minor} or newer, to build {} programs", GO.len());
    let output = Command::new("go").args(["env", "GOVERSION"]).output().with_context(told)?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let numbers: Vec<u32> =
        version.trim_start_matches("go").split('.').map_while(|part| part.parse().ok()).collect();
    match numbers[..] {
        [a, b, ..] if (a, b) >= GO_AT_LEAST => Ok(()),
        _ => bail!("{}; `go` on the search path is {version:?}", told()),
    }
}

/// The programs from crates.io.
fn cargo(dir: &Path) -> Result<()> {
    CARGO.iter().try_for_each(|(name, version)| crates_io(dir, name, version))
}

fn crates_io(dir: &Path, name: &str, version: &str) -> Result<()> {
    let told = Command::new(dir.join("bin").join(name)).arg("--version").output();
    if told.is_ok_and(|told| told.stdout.trim_ascii() == format!("{name} {version}").as_bytes()) {
        return Ok(());
    }
    println!("install: {name} {version} with Cargo");
    let begun = Instant::now();
    run(Command::new("cargo")
        .args(["install", "--quiet", "--debug", "--locked", "--version", version, "--root"])
        .arg(dir)
        .arg(name))
    .with_context(|| format!("{name} {version}, from crates.io"))?;
    println!("install: {name} took {:.0} s", begun.elapsed().as_secs_f32());
    Ok(())
}

/// Runs an installer and keeps what it says for the case that it fails.
fn run(command: &mut Command) -> Result<()> {
    let line = format!("{command:?}");
    let output = command.output().with_context(|| format!("cannot start {line}"))?;
    ensure!(
        output.status.success(),
        "{line} ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
