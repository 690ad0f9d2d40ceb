//! A project's static assets, served from their own folder.

use std::path::PathBuf;
use std::sync::Arc;

use assets::{Files, Folder, Site};
use config::Project;

use crate::load::compatibility;

/// As many as the largest plan of Cloudflare's allows (https://developers.cloudflare.com/workers/platform/limits/#static-assets).
const MOST: usize = 100_000;

/// Reads the folder. `None`: the Worker has none. `watch` gets what it is made of.
pub async fn read(project: &Project, watch: &mut Vec<PathBuf>) -> Result<Option<Arc<Site>>, String> {
    let Some(assets) = project.worker.environment.assets.clone() else { return Ok(None) };
    // The configuration was refused where there is no folder.
    let root = project.root.join(assets.directory.as_deref().unwrap_or_default());
    let reading = tokio::task::spawn_blocking(move || {
        let mut watched = Vec::new();
        let listing = Folder::read(&root, MOST, &mut watched);
        (listing, watched)
    });
    let (listing, watched) = reading.await.map_err(|error| format!("the static assets can't be read: {error}"))?;
    watch.extend(watched);
    let failed = |error: &dyn std::fmt::Display| format!("the static assets: {error}");
    let listing = listing.map_err(|error| failed(&error))?;
    let config = assets::Config {
        html_handling: assets.html_handling.map(html_handling),
        not_found_handling: assets.not_found_handling.map(not_found_handling),
        run_worker_first: assets.run_worker_first.map(run_worker_first),
        redirects: listing.redirects,
        headers: listing.headers,
    };
    config.check(project.worker.main.is_some()).map_err(|error| failed(&error))?;
    let navigation = compatibility(&project.worker).is_on("assets_navigation_prefers_asset_serving");
    let files = Files::Folder(Arc::new(listing.folder));
    let site = Site::new(files, listing.manifest, &config, navigation).map_err(|error| failed(&error))?;
    Ok(Some(Arc::new(site)))
}

fn html_handling(configured: config::HtmlHandling) -> assets::HtmlHandling {
    match configured {
        config::HtmlHandling::AutoTrailingSlash => assets::HtmlHandling::AutoTrailingSlash,
        config::HtmlHandling::ForceTrailingSlash => assets::HtmlHandling::ForceTrailingSlash,
        config::HtmlHandling::DropTrailingSlash => assets::HtmlHandling::DropTrailingSlash,
        config::HtmlHandling::None => assets::HtmlHandling::None,
    }
}

fn not_found_handling(configured: config::NotFoundHandling) -> assets::NotFoundHandling {
    match configured {
        config::NotFoundHandling::SinglePageApplication => assets::NotFoundHandling::SinglePageApplication,
        config::NotFoundHandling::Page404 => assets::NotFoundHandling::Page404,
        config::NotFoundHandling::None => assets::NotFoundHandling::None,
    }
}

fn run_worker_first(configured: config::RunWorkerFirst) -> assets::RunWorkerFirst {
    match configured {
        config::RunWorkerFirst::Always(always) => assets::RunWorkerFirst::Always(always),
        config::RunWorkerFirst::Paths(paths) => assets::RunWorkerFirst::Paths(paths),
    }
}
