//! Parsing of URL patterns (<https://urlpattern.spec.whatwg.org>) for `js/urlpattern.js`, which matches with V8's regular
//! expressions.

use isolate::{Args, JsError, Op, v8};
use urlpattern::quirks::{self, EcmaRegexp, StringOrInit, UrlPatternInit};
use urlpattern::{RegexSyntax, UrlPatternOptions};

use crate::views::latin1_string;

pub const OPS: &[Op] = &[isolate::op!(op_urlpattern_parse), isolate::op!(op_urlpattern_match_init)];

/// `op_urlpattern_parse(input, isInit, base | undefined, ignoreCase)` → the components as JSON. An init comes as JSON too.
fn op_urlpattern_parse(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let input = isolate::string_arg(scope, &args, 0);
    let base = args.get(2).is_string().then(|| isolate::string_arg(scope, &args, 2));
    let options = UrlPatternOptions { regex_syntax: RegexSyntax::EcmaScript, ignore_case: args.get(3).is_true() };
    match parse(&input, args.get(1).is_true(), base.as_deref(), options) {
        Ok(json) => {
            let json = isolate::new_string(scope, &json);
            rv.set(json.into());
        }
        Err(cause) => isolate::throw(scope, JsError::type_error(format!("Failed to construct URLPattern: {cause}"))),
    }
}

/// Parsing takes time with the square of the length, and no CPU limit sees it.
const LONGEST: usize = 1 << 16;

fn parse(input: &str, is_init: bool, base: Option<&str>, options: UrlPatternOptions) -> Result<String, String> {
    if input.len() > LONGEST {
        return Err(format!("a pattern may have {LONGEST} bytes at most"));
    }
    let input = string_or_init(input, is_init)?;
    let init = quirks::process_construct_pattern_input(input, base).map_err(|error| error.to_string())?;
    let pattern = quirks::parse_pattern::<EcmaRegexp>(init, options).map_err(|error| error.to_string())?;
    serde_json::to_string(&pattern).map_err(|error| error.to_string())
}

fn string_or_init(input: &str, is_init: bool) -> Result<StringOrInit<'_>, String> {
    if !is_init {
        return Ok(StringOrInit::String(input.into()));
    }
    let init: UrlPatternInit = serde_json::from_str(input).map_err(|error| error.to_string())?;
    Ok(StringOrInit::Init(init))
}

/// `op_urlpattern_match_init(init)` → the components of the URL that the init (as JSON) means, as JSON; undefined when it
/// means none.
fn op_urlpattern_match_init(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let input = isolate::string_arg(scope, &args, 0);
    let json = string_or_init(&input, true)
        .ok()
        .and_then(|init| quirks::process_match_input(init, None).ok().flatten())
        .and_then(|(input, _)| quirks::parse_match_input(input))
        .and_then(|components| serde_json::to_string(&components).ok());
    let Some(json) = json else { return };
    let string = if json.is_ascii() { latin1_string(scope, json.as_bytes()) } else { v8::String::new(scope, &json) };
    if let Some(string) = string {
        rv.set(string.into());
    }
}
