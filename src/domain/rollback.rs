//! Which version was there before, told from the versions that a pin has had.

use super::pile::Pile;
use super::pin::Pin;

/// Where a pin goes back to.
#[derive(Clone, Debug, PartialEq)]
pub struct WayBack<'a> {
    /// The version before the one that is there; none where that was the first.
    pub before: Option<&'a Pin>,
    /// Whether the version that is there is one that came back.
    pub came_back: bool,
}

/// The way back from the last of these versions, which come oldest first; one that is gone
/// is none.
#[must_use]
pub fn way_back<'a>(versions: impl IntoIterator<Item = Option<&'a Pin>>) -> WayBack<'a> {
    let (earlier, came_back) = earlier(versions);
    WayBack { before: earlier.last().copied(), came_back }
}

/// Whether this version is on the way back from the last of these, and not one that was left
/// by going back.
#[must_use]
pub fn leads_back<'a>(versions: impl IntoIterator<Item = Option<&'a Pin>>, to: &Pin) -> bool {
    earlier(versions).0.iter().any(|earlier| earlier.version() == to.version())
}

/// What was there before the last of these versions, oldest first, and whether that came back.
fn earlier<'a>(versions: impl IntoIterator<Item = Option<&'a Pin>>) -> (Vec<&'a Pin>, bool) {
    let mut pile = Pile::new();
    let (mut is_gone, mut came_back) = (true, false);
    for version in versions {
        let was_gone = std::mem::replace(&mut is_gone, version.is_none());
        let Some(version) = version else { continue };
        let uncovered = pile.put(version, ());
        let again = !was_gone && uncovered == Some(0);
        came_back = if again { came_back } else { uncovered.is_some() };
    }
    let mut earlier: Vec<_> = pile.into_layers().into_iter().map(|(pin, ())| pin).collect();
    if is_gone {
        return (earlier, false);
    }
    earlier.pop();
    (earlier, came_back)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the way back leads from a line of versions, `-` for none; `!` if one came back.
    fn way(tags: &str) -> String {
        let pin = |tag: char| {
            let revision = "a".repeat(40);
            let json = format!(
                "{{\"cluster\": \"eu-1\", \"service\": \"api\", \"imageTag\": \"{tag}\", \"targetRevision\": \"{revision}\"}}"
            );
            (tag != '-').then(|| Pin::parse(json.as_bytes()).expect("a pin"))
        };
        let pins: Vec<Option<Pin>> = tags.chars().map(pin).collect();
        let way = way_back(pins.iter().map(Option::as_ref));
        let tag = way.before.map_or("-".to_owned(), |pin| pin.image_tag.to_string());
        if way.came_back { tag + "!" } else { tag }
    }

    #[test]
    fn the_version_before_is_the_one_that_was_there_last() {
        for (versions, before) in
            [("", "-"), ("1", "-"), ("-1", "-"), ("12", "1"), ("123", "2"), ("1122", "1")]
        {
            assert_eq!(way(versions), before, "{versions}");
        }
    }

    #[test]
    fn what_was_left_is_never_gone_back_to() {
        for (versions, before) in [
            ("1232", "1!"),
            ("12322", "1!"),
            ("12321", "-!"),
            ("121", "-!"),
            ("1213", "1"),
            ("12324", "2"),
            ("123242", "1!"),
        ] {
            assert_eq!(way(versions), before, "{versions}");
        }
    }

    #[test]
    fn a_pin_that_is_gone_comes_back_as_it_was() {
        for (versions, before) in [("12-", "2"), ("12-2", "1!"), ("-", "-"), ("121-", "1")] {
            assert_eq!(way(versions), before, "{versions}");
        }
    }

    #[test]
    fn an_environment_that_moved_to_another_cluster_has_still_the_same_versions() {
        let pin = |cluster: &str, tag: &str| {
            Pin::new(
                cluster.parse().expect("a name"),
                "api".parse().expect("a name"),
                tag.parse().expect("a tag"),
                "a".repeat(40).parse().expect("a revision"),
            )
        };
        let versions = [pin("eu-1", "1"), pin("eu-1", "2"), pin("eu-2", "2")];
        assert_eq!(way_back(versions.iter().map(Some)).before, Some(&versions[0]));
        assert!(leads_back(versions.iter().map(Some), &pin("eu-2", "1")));
        assert!(!leads_back(versions.iter().map(Some), &pin("eu-2", "2")));
    }
}
