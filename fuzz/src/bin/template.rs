//! Values with `${{ … }}` in them.
#![no_main]

use pinrail::domain::template::Template;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(template) = Template::try_from(text.to_owned()) {
        let names = template.names();
        let values: Vec<_> = names.iter().map(|name| (name.as_str(), "value")).collect();
        let _ = template.expand(&values);
    }
});
