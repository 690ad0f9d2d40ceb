//! What JSX becomes. Bundlers differ in their defaults; this follows `wrangler`: classic `React.createElement`
//! calls unless the tsconfig or the options say otherwise.

use oxc_resolver::{ResolveOptions, Resolver, TsconfigDiscovery, TsconfigOptions, TsconfigReferences};
use rolldown::JsxOptions;

use crate::options::Options;

/// The JSX options for the project, from its tsconfig and the options.
pub(crate) fn jsx(options: &Options) -> JsxOptions {
    let tsconfig = match &options.tsconfig {
        Some(path) => TsconfigDiscovery::Manual(TsconfigOptions {
            config_file: options.root.join(path),
            references: TsconfigReferences::Auto,
        }),
        None => TsconfigDiscovery::Auto,
    };
    let resolver = Resolver::new(ResolveOptions { tsconfig: Some(tsconfig), ..ResolveOptions::default() });
    // A broken tsconfig is an error of the build itself, which reads it again and says where.
    let found = resolver.find_tsconfig(options.entry_path()).ok().flatten();
    let compiler = found.as_ref().map(|tsconfig| &tsconfig.compiler_options);
    let mode = compiler.and_then(|compiler| compiler.jsx.as_deref());
    let mut jsx = JsxOptions::default();
    if matches!(mode, Some("react-jsx" | "react-jsxdev")) {
        jsx.runtime = Some("automatic".into());
        jsx.development = Some(mode == Some("react-jsxdev"));
        jsx.import_source = compiler.and_then(|compiler| compiler.jsx_import_source.clone());
    } else {
        jsx.runtime = Some("classic".into());
        jsx.pragma = compiler.and_then(|compiler| compiler.jsx_factory.clone()).or(options.jsx_factory.clone());
        jsx.pragma_frag =
            compiler.and_then(|compiler| compiler.jsx_fragment_factory.clone()).or(options.jsx_fragment.clone());
    }
    jsx
}
