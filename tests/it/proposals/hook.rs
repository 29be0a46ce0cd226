//! The same from within git's own pre-receive hook, where what is pushed is kept apart.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use pinrail::store::Checkout;

use super::{Root, lines};
use crate::support::git::{command, git, tip};
use crate::support::hooks::executable;
use crate::support::made::{Commits, Made};

/// A hook that tells what git told it, and waits for a verdict.
struct Hook {
    told: PathBuf,
    verdict: PathBuf,
}

impl Hook {
    fn install(repo: &Path, folder: &Path) -> Self {
        let hook = Self { told: folder.join("told"), verdict: folder.join("verdict") };
        let (told, verdict) = (hook.told.display(), hook.verdict.display());
        let script = format!(
            "#!/bin/sh\n\
             (pwd; echo \"$GIT_DIR\"; echo \"$GIT_OBJECT_DIRECTORY\"\n\
             echo \"$GIT_ALTERNATE_OBJECT_DIRECTORIES\"; cat) >'{told}.new'\n\
             mv '{told}.new' '{told}'\n\
             for turn in $(seq 600); do\n\
             if [ -e '{verdict}' ]; then code=$(cat '{verdict}'); rm '{verdict}' '{told}'; \
             exit \"$code\"; fi\n\
             sleep 0.1; done; exit 1\n"
        );
        executable(&repo.join("hooks/pre-receive"), &script);
        hook
    }

    /// What the hook was told, line by line, while it waits.
    fn told(&self, push: &mut Child) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.told.exists() {
            assert_eq!(
                push.try_wait().expect("look at the push"),
                None,
                "it ended before the hook"
            );
            assert!(Instant::now() < end, "the hook was not run");
            std::thread::sleep(Duration::from_millis(10));
        }
        let text = std::fs::read_to_string(&self.told).expect("what the hook was told");
        text.lines().map(str::to_owned).collect()
    }

    fn end(&self, push: Child, code: &str) -> Output {
        let draft = self.verdict.with_extension("new");
        std::fs::write(&draft, code).expect("write the verdict");
        std::fs::rename(&draft, &self.verdict).expect("give the verdict");
        push.wait_with_output().expect("wait for the push")
    }
}

#[test]
fn a_hook_sees_what_is_pushed_and_the_branches_as_they_were() {
    let mut commits = Commits::default();
    let main = commits.add(100, &[], &[("a", Made::Plain("1"))]);
    let other = commits.add(100, &[], &[("a", Made::Plain("0"))]);
    let root = Root::new(&mut commits, main, main);
    let hook = Hook::install(&root.repo, root.folder.path());
    let (server, work) = (root.repo.display().to_string(), root.folder.path().join("work"));
    git(&root.repo, &["clone", "--quiet", &server, work.to_str().expect("UTF-8")]);
    // Somebody may have pushed a name that a clone would have.
    git(&root.repo, &["update-ref", "refs/remotes/origin/main", &root.id(other)]);

    // Few objects are kept one by one, and many in a pack.
    for (limit, code, content) in [("100", "0", "2"), ("1", "0", "3"), ("1", "1", "4")] {
        git(&root.repo, &["config", "receive.unpackLimit", limit]);
        std::fs::write(work.join("a"), content).expect("write a file");
        git(&work, &["commit", "--quiet", "-a", "-m", content]);
        let before = tip(&root.repo, "main").expect("the branch");
        let mut push = command(&work, &["push", "--quiet", "origin", "HEAD:main"]);
        let mut push = push.stderr(Stdio::piped()).spawn().expect("start the push");
        let told = hook.told(&mut push);
        let [place, dir, objects, alternates, update] = &told[..] else { panic!("{told:?}") };
        let [old, new, name] = update.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{told:?}")
        };
        assert_eq!((old, name), (before.as_str(), "refs/heads/main"));

        let folder = Path::new(place).join(dir);
        let plain = Checkout::in_hook(&folder, &[]).expect("a repository");
        assert!(plain.update(Some(old), new).is_err(), "{objects} was not apart");
        let places = std::env::split_paths(alternates).chain([PathBuf::from(objects)]);
        let checkout =
            Checkout::in_hook(&folder, &places.collect::<Vec<_>>()).expect("a repository");
        let pushed = checkout.update(Some(old), new).expect("an update");
        assert_eq!(lines(&pushed).len(), 1);
        assert!(lines(&pushed)[0].ends_with(&format!("→{content}")), "{pushed:?}");
        assert_eq!((pushed.commits, pushed.contains_base), (vec![new.to_owned()], true));
        let tip_there = checkout.snapshot(&"main".parse().expect("a name")).expect("read");
        assert_eq!(tip_there.expect("the branch").id(), before);

        let output = hook.end(push, code);
        assert_eq!(output.status.success(), code == "0", "{output:?}");
        let expected = if code == "0" { new.to_owned() } else { before };
        assert_eq!(tip(&root.repo, "main"), Some(expected));
    }
}
