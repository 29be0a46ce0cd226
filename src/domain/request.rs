//! The names of requests: one living branch for each target and service, or train.

use super::name::{BranchName, EnvironmentName, ServiceName};

/// What begins the branches of all requests.
pub const PREFIX: &str = "pinrail/";

/// What a request asks for, as its branch's name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestName {
    /// `pinrail/promote/<target>/<service>`: one service into an environment or group.
    Single { target: EnvironmentName, service: ServiceName },
    /// `pinrail/train/<target>`: everything that may go.
    Train { target: EnvironmentName },
}

impl RequestName {
    /// The branch that the request lives on.
    #[must_use]
    pub fn branch(&self) -> BranchName {
        let name = match self {
            Self::Single { target, service } => format!("{PREFIX}promote/{target}/{service}"),
            Self::Train { target } => format!("{PREFIX}train/{target}"),
        };
        name.parse().unwrap_or_else(|_| unreachable!("labels make a branch name"))
    }

    /// Reads a branch's name; none where it is no request's.
    #[must_use]
    pub fn parse(branch: &str) -> Option<Self> {
        let parts: Vec<&str> = branch.strip_prefix(PREFIX)?.split('/').collect();
        match parts.as_slice() {
            ["promote", target, service] => {
                Some(Self::Single { target: target.parse().ok()?, service: service.parse().ok()? })
            }
            ["train", target] => Some(Self::Train { target: target.parse().ok()? }),
            _ => None,
        }
    }

    /// The environment or group that it is for.
    #[must_use]
    pub fn target(&self) -> &EnvironmentName {
        match self {
            Self::Single { target, .. } | Self::Train { target } => target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_no_two_requests_share_one() {
        let target: EnvironmentName = "production".parse().expect("name");
        let single =
            RequestName::Single { target: target.clone(), service: "train".parse().expect("name") };
        let train = RequestName::Train { target };
        for name in [&single, &train] {
            assert_eq!(RequestName::parse(name.branch().as_str()).as_ref(), Some(name));
        }
        // Neither branch is a folder of the other, which git could not keep side by side.
        let (one, other) = (single.branch(), train.branch());
        assert!(
            !one.as_str().starts_with(&format!("{other}/"))
                && !other.as_str().starts_with(&format!("{one}/"))
        );
    }

    #[test]
    fn other_branches_are_no_requests() {
        for branch in [
            "main",
            "pinrail/promote/production",
            "pinrail/promote/p/s/x",
            "pinrail/train/P",
            "pinrail/x/y",
        ] {
            assert_eq!(RequestName::parse(branch), None, "{branch}");
        }
    }
}
