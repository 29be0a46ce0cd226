//! Texts of sets: Go templates whose parts from the configuration stay data.

use crate::domain::gotemplate::literal;
use crate::domain::template::Template;

/// The service's name where Argo CD fills it in.
pub const SERVICE: &str = "{{ .values.service }}";
/// Stands for the service while a template of the configuration is filled.
const MARK: &str = "\u{1}";

/// A template of the configuration as a Go template, the service left to Argo CD.
///
/// # Errors
/// A template that asks for what is not there, or that does more with the service's name
/// than write it down, which Argo CD could not do.
pub fn for_each_service(template: &Template, values: &[(&str, &str)]) -> Result<String, String> {
    let filled = |service: &str| {
        let values = [values, &[("service", service)]].concat();
        template.expand(&values).map_err(|error| error.to_string())
    };
    let parts = filled(MARK)?;
    for sample in ["a", "some-service-9"] {
        if filled(sample)? != parts.replace(MARK, sample) {
            return Err(format!(
                "`{}` changes the service's name, which a set cannot do",
                template.as_str()
            ));
        }
    }
    Ok(parts.split(MARK).map(literal).collect::<Vec<_>>().join(SERVICE))
}

/// The value of a Helm parameter: Argo CD replaces `$NAME` in it.
pub fn parameter(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(template: &str) -> Result<String, String> {
        let template: Template = template.parse().expect("a template");
        for_each_service(&template, &[("domain", "billing")])
    }

    #[test]
    fn the_service_is_left_to_argo_cd_and_all_else_is_data() {
        assert_eq!(
            go("https://h/${{ domain }}/${{ service }}-{{ .x }}.git").as_deref(),
            Ok("https://h/billing/{{ .values.service }}-{{ \"{{\" }} .x }}.git")
        );
        assert_eq!(go("same for all").as_deref(), Ok("same for all"));
    }

    #[test]
    fn a_template_that_computes_with_the_service_is_refused() {
        for template in ["${{ service | upper }}", "${% if service == 'a' %}x${% endif %}"] {
            assert!(go(template).is_err(), "{template}");
        }
    }
}
