//! "Did you mean": the known names nearest to one that is not known.

/// At most three of `known`, nearest first; none when nothing is close enough to help.
pub fn nearest<'a, S: AsRef<str> + 'a>(
    wanted: &str,
    known: impl IntoIterator<Item = S>,
) -> Vec<String> {
    let mut scored: Vec<(usize, String)> = known
        .into_iter()
        .map(|name| {
            let name = name.as_ref();
            (strsim::damerau_levenshtein(wanted, name), name.to_owned())
        })
        .filter(|(distance, name)| {
            let length = wanted.chars().count().max(name.chars().count());
            *distance <= (length / 3).max(1) || (wanted.len() >= 3 && name.contains(wanted))
        })
        .collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The hint that goes with an unknown name, or none.
#[must_use]
pub fn did_you_mean(nearest: &[String]) -> Option<String> {
    let quoted: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_come_nearest_first_and_far_ones_not_at_all() {
        let known = ["python-example", "python-sample", "billing-api"];
        assert_eq!(nearest("python-exampel", known), ["python-example", "python-sample"]);
        assert_eq!(nearest("python", known), ["python-sample", "python-example"]);
        assert!(nearest("zzz", known).is_empty());
    }

    #[test]
    fn a_hint_quotes_each_name() {
        let names = ["a".to_owned(), "b".to_owned()];
        assert_eq!(did_you_mean(&names).as_deref(), Some("did you mean `a` or `b`?"));
        assert_eq!(did_you_mean(&[]), None);
    }
}
