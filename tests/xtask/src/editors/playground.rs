//! The page of `nsfc playground`, in a Chromium without a screen.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Trouble, folder, provide, sources};

/// Drives the page. What is built of its sources must be what the program holds.
///
/// # Errors
/// What is missing, or what fails.
pub fn show(nsfc: &Path) -> Result<(), Trouble> {
    let page = sources("playground");
    let node = provide::node()?;
    let chromium = provide::program(&["chromium", "chromium-browser", "google-chrome"], "chromium")?;
    provide::locked(&page)?;
    provide::tested(provide::npm(&page, &["run", "--silent", "check"]), "the types of the page's sources")?;
    is_built(&page)?;
    let pictures = folder().join("playground");
    let mut drive = Command::new(node);
    drive.arg(page.join("test/drive.mjs")).arg(nsfc).arg(&pictures).arg(chromium);
    provide::tested(drive, "the playground")?;
    println!("editors playground: pictures are in {}", pictures.display());
    Ok(())
}

fn is_built(page: &Path) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::Failed(format!("the page's script: {error}"));
    let built = folder().join("playground.js");
    let outfile = format!("--outfile={}", built.display());
    provide::tested(
        provide::npm(page, &["run", "--silent", "build", "--", "--log-level=warning", &outfile]),
        "building the page",
    )?;
    if fs::read(&built).map_err(failed)? == fs::read(page.join("dist/playground.js")).map_err(failed)? {
        return Ok(());
    }
    Err(Trouble::Failed(
        "dist/playground.js is not what its sources give: npm run build in editors/playground".to_owned(),
    ))
}
