//! From a path to a file or to another path: `html_handling` and `not_found_handling`.
//! <https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/>

use crate::{Entry, HtmlHandling, Manifest, NotFoundHandling};

/// What a decoded path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Intent<'m> {
    File(&'m Entry),
    /// The page that says that there is no file.
    Missing(&'m Entry),
    /// The path that the file is served at.
    Redirect(String),
}

/// Looks for files.
#[derive(Clone, Copy)]
pub(crate) struct Finder<'m> {
    pub(crate) manifest: &'m Manifest,
    pub(crate) html: HtmlHandling,
    pub(crate) not_found: NotFoundHandling,
    /// The longest path of the manifest, in bytes: longer ones need no look.
    pub(crate) longest: usize,
    /// Whether a path may lead to another one.
    pub(crate) redirects: bool,
}

// === impl Finder ===

impl<'m> Finder<'m> {
    pub(crate) fn find(&self, path: &str) -> Option<Intent<'m>> {
        let found = match self.html {
            HtmlHandling::AutoTrailingSlash => self.auto_slash(path),
            HtmlHandling::ForceTrailingSlash => self.force_slash(path),
            HtmlHandling::DropTrailingSlash => self.drop_slash(path),
            HtmlHandling::None => self.file(path),
        };
        found.or_else(|| self.not_found(path))
    }

    /// `/page` for `page.html`, `/page/` for `page/index.html`.
    fn auto_slash(&self, path: &str) -> Option<Intent<'m>> {
        let early = if let Some(stem) = path.strip_suffix("/index") {
            self.file(path)
                .or_else(|| self.redirect(&format!("{path}.html"), &format!("{stem}/")))
                .or_else(|| self.redirect(&format!("{stem}.html"), stem))
        } else if let Some(stem) = path.strip_suffix("/index.html") {
            self.redirect(path, &format!("{stem}/")).or_else(|| self.redirect(&format!("{stem}.html"), stem))
        } else if let Some(stem) = path.strip_suffix('/') {
            self.file(&format!("{path}index.html")).or_else(|| self.redirect(&format!("{stem}.html"), stem))
        } else if let Some(stem) = path.strip_suffix(".html") {
            self.redirect(path, stem).or_else(|| self.redirect(&format!("{stem}/index.html"), &format!("{stem}/")))
        } else {
            None
        };
        early
            .or_else(|| self.file(path))
            .or_else(|| self.file(&format!("{path}.html")))
            .or_else(|| self.redirect(&format!("{path}/index.html"), &format!("{path}/")))
    }

    /// `/page/` for both.
    fn force_slash(&self, path: &str) -> Option<Intent<'m>> {
        let early = if let Some(stem) = path.strip_suffix("/index") {
            self.file(path)
                .or_else(|| self.redirect(&format!("{path}.html"), &format!("{stem}/")))
                .or_else(|| self.redirect(&format!("{stem}.html"), &format!("{stem}/")))
        } else if let Some(stem) = path.strip_suffix("/index.html") {
            self.redirect(path, &format!("{stem}/"))
                .or_else(|| self.redirect(&format!("{stem}.html"), &format!("{stem}/")))
        } else if let Some(stem) = path.strip_suffix('/') {
            self.file(&format!("{path}index.html")).or_else(|| self.file(&format!("{stem}.html")))
        } else if let Some(stem) = path.strip_suffix(".html") {
            self.redirect(path, &format!("{stem}/"))
                .or_else(|| self.file(path))
                .or_else(|| self.redirect(&format!("{stem}/index.html"), &format!("{stem}/")))
        } else {
            None
        };
        early
            .or_else(|| self.file(path))
            .or_else(|| self.redirect(&format!("{path}.html"), &format!("{path}/")))
            .or_else(|| self.redirect(&format!("{path}/index.html"), &format!("{path}/")))
    }

    /// `/page` for both; the root keeps its slash.
    fn drop_slash(&self, path: &str) -> Option<Intent<'m>> {
        let early = if path == "/index" {
            self.file(path).or_else(|| self.redirect("/index.html", "/"))
        } else if let Some(stem) = path.strip_suffix("/index") {
            self.file(path)
                .or_else(|| self.redirect(&format!("{stem}.html"), stem))
                .or_else(|| self.redirect(&format!("{path}.html"), stem))
        } else if path == "/index.html" {
            self.redirect("/index.html", "/")
        } else if let Some(stem) = path.strip_suffix("/index.html") {
            self.redirect(path, stem)
                .or_else(|| self.file(path))
                .or_else(|| self.redirect(&format!("{stem}.html"), stem))
        } else if path == "/" {
            self.file("/index.html")
        } else if let Some(stem) = path.strip_suffix('/') {
            self.redirect(&format!("{stem}.html"), stem).or_else(|| self.redirect(&format!("{stem}/index.html"), stem))
        } else if let Some(stem) = path.strip_suffix(".html") {
            self.redirect(path, stem).or_else(|| self.redirect(&format!("{stem}/index.html"), stem))
        } else {
            None
        };
        early
            .or_else(|| self.file(path))
            .or_else(|| self.file(&format!("{path}.html")))
            .or_else(|| self.file(&format!("{path}/index.html")))
    }

    fn not_found(&self, path: &str) -> Option<Intent<'m>> {
        match self.not_found {
            NotFoundHandling::None => None,
            NotFoundHandling::SinglePageApplication => self.file("/index.html"),
            NotFoundHandling::Page404 => {
                let mut folder = path;
                while let Some((above, _)) = folder.rsplit_once('/') {
                    folder = above;
                    // A path may have thousands of slashes, and most of what is above it is longer than any file's.
                    if folder.len() > self.longest {
                        continue;
                    }
                    if let Some(page) = self.entry(&format!("{folder}/404.html")) {
                        return Some(Intent::Missing(page));
                    }
                }
                None
            }
        }
    }

    /// To `destination`, where nothing else is and where `file` is served.
    fn redirect(&self, file: &str, destination: &str) -> Option<Intent<'m>> {
        if !self.redirects || self.entry(destination).is_some() {
            return None;
        }
        let there = Self { redirects: false, ..*self }.find(destination)?;
        let (Intent::File(found) | Intent::Missing(found)) = there else { return None };
        (self.entry(file)?.hash == found.hash).then(|| Intent::Redirect(destination.to_owned()))
    }

    fn file(&self, path: &str) -> Option<Intent<'m>> {
        self.entry(path).map(Intent::File)
    }

    fn entry(&self, path: &str) -> Option<&'m Entry> {
        (path.len() <= self.longest).then(|| self.manifest.get(path)).flatten()
    }
}
