//! VS Code: the extension's own tests, its package, and a real VS Code that it is installed in. That is code-server, the only one
//! that a package registry has: VS Code's own server and workbench, shown in a headless Chromium.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use nsf_tests::servers::install::called;

use super::{Trouble, folder, provide, sources};

/// Its VS Code is the 1.100.3. Later ones need a later Node than Debian's users have.
const CODE_SERVER: &str = "code-server@4.100.3";

/// The modules that it cannot start without or run tasks without, and which come as sources: their folders and what is built.
const NATIVE: [(&str, &str, &str); 4] = [
    ("", "argon2", "lib/binding/napi-v3/argon2.node"),
    (VSCODE, "@vscode/spdlog", "build/Release/spdlog.node"),
    (VSCODE, "native-watchdog", "build/Release/watchdog.node"),
    (VSCODE, "node-pty", "build/Release/pty.node"),
];

/// Where VS Code is in code-server.
const VSCODE: &str = "node_modules/code-server/lib/vscode";

/// Tests the extension, then drives it.
///
/// # Errors
/// What is missing, or what fails.
pub fn show(nsfc: &Path) -> Result<(), Trouble> {
    let node = provide::node()?;
    let extension = sources("vscode");
    provide::locked(&extension)?;
    let mut test = provide::npm(&extension, &["test", "--silent"]);
    test.env("NSFC", nsfc);
    provide::tested(test, "npm test of the extension")?;

    let code_server = code_server(&node)?;
    let chromium = provide::program(&["chromium", "chromium-browser", "google-chrome"], "chromium")?;
    let mut drive = provide::npm(&extension, &["run", "--silent", "test:editor"]);
    drive.env("NSFC", nsfc).env("CODE_SERVER", code_server).env("CHROMIUM", chromium);
    drive.env("SHOTS", folder().join("vscode-pictures"));
    provide::tested(drive, "VS Code with the extension")
}

/// The start file of code-server, which is installed and built where it is not there.
fn code_server(node: &Path) -> Result<PathBuf, Trouble> {
    let own = folder().join("code-server");
    let start = own.join("node_modules/code-server/out/node/entry.js");
    let built = own.join(".built");
    if fs::read_to_string(&built).is_ok_and(|what| what == CODE_SERVER) {
        return Ok(start);
    }
    eprintln!("── npm install {CODE_SERVER} in {}", own.display());
    let failed = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", own.display()));
    fs::create_dir_all(&own).map_err(failed)?;
    fs::write(own.join("package.json"), "{ \"private\": true }\n").map_err(failed)?;
    provide::fetch(provide::npm(&own, &["install", CODE_SERVER]))?;
    for inside in ["", "extensions"] {
        // Its lock file is older than its manifest, so `npm ci` would refuse.
        provide::fetch(provide::npm(&own.join(VSCODE).join(inside), &["install", "--omit=dev"]))?;
    }
    // Each takes a compiler some seconds.
    let complaints: Vec<String> = thread::scope(|scope| {
        let builds = NATIVE.map(|module| {
            scope.spawn({
                let own = &own;
                move || build(own, node, module)
            })
        });
        builds.into_iter().filter_map(|build| build.join().ok().and_then(Result::err)).collect()
    });
    if let Some(complaint) = complaints.into_iter().next() {
        return Err(Trouble::Absent(complaint));
    }
    fs::write(&built, CODE_SERVER).map_err(failed)?;
    Ok(start)
}

/// Builds a module with the compiler that is here and the headers that stand beside Node.
fn build(own: &Path, node: &Path, (inside, module, result): (&str, &str, &str)) -> Result<(), String> {
    let folder = own.join(inside);
    let mut command = provide::npm(&folder, &["rebuild", "--foreground-scripts", module]);
    command.env("npm_config_ignore_scripts", "false");
    let beside = node.parent().and_then(Path::parent).filter(|prefix| prefix.join("include/node/node.h").is_file());
    if let Some(prefix) = beside {
        command.env("npm_config_nodedir", prefix);
    }
    let said = called(command);
    // What a package does behind its build is for those who publish it.
    if folder.join("node_modules").join(module).join(result).is_file() {
        return Ok(());
    }
    Err(format!("{module} cannot be built: {}", said.err().unwrap_or_default()))
}
