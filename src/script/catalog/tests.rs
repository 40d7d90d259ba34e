//! Folders of labs, good and bad.

use super::*;
use crate::hint::Hint as _;
use crate::script::assemble::tests::outline;

const GOOD: &[u8] = b"# Title\n```bash\ntrue\n```\n";

fn write(root: &Path, folder: &str, guide: &[u8]) -> PathBuf {
    let dir = root.join(folder);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(GUIDE), guide).unwrap();
    dir
}

#[test]
fn labs_are_found_by_number_or_name() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "10-last", GOOD);
    write(root.path(), "2-second", GOOD);
    write(root.path(), ".hidden", b"not a lab");
    std::fs::write(root.path().join("README.md"), "# Labs").unwrap();
    let labs = load_all(root.path()).unwrap();
    assert_eq!(labs.iter().map(|lab| lab.id).collect::<Vec<_>>(), [2, 10]);
    for name in ["2", "lab-2", "second", "2-second"] {
        assert_eq!(find(&labs, name).unwrap().id, 2, "{name}");
    }
    for name in ["3", "lab-", "", "-2", "2-last", "3-second"] {
        let error = find(&labs, name).unwrap_err();
        assert_eq!(error.to_string(), format!("no lab `{name}`"));
        assert_eq!(error.hint().unwrap(), "labs are 2 (second), 10 (last)");
    }
}

#[test]
fn a_fence_with_kubectl_needs_a_cluster() {
    let root = tempfile::tempdir().unwrap();
    for (folder, fence, needs) in [
        ("1-a", "```bash\necho kubectl-ish; command -v docker\n```", &[][..]),
        ("2-b", "```bash\nset -x; kubectl get pods\n```", &[Need::Cluster]),
        ("3-c", "<!-- rehearse: skip for readers -->\n```bash\nkubectl get pods\n```\n\n```bash\ntrue\n```", &[]),
    ] {
        let lab = Lab::load(&write(root.path(), folder, format!("# T\n\n{fence}\n").as_bytes())).unwrap();
        assert_eq!(lab.needs, needs, "{folder}");
    }
}

#[test]
fn windows_files_read_like_any_other() {
    let root = tempfile::tempdir().unwrap();
    let dir = write(root.path(), "1-x", b"\xef\xbb\xbf# Title\r\n\r\n```bash\r\necho a\r\necho b\r\n```\r\n");
    let lab = Lab::load(&dir).unwrap();
    assert_eq!((lab.title.as_str(), lab.steps[0].line), ("Title", 3));
    assert_eq!(lab.steps[0].action, crate::script::Action::Shell("echo a\necho b\n".into()));
}

#[test]
fn what_is_wrong_names_the_file() {
    let root = tempfile::tempdir().unwrap();
    let shown = |error: ScriptError| error.to_string().replace(root.path().to_str().unwrap(), "labs");
    let load = |folder: &str, guide: &[u8]| shown(Lab::load(&write(root.path(), folder, guide)).unwrap_err());
    assert_eq!(load("0-a", b"# Only words"), "labs/0-a/README.md: no fence to play");
    assert_eq!(load("1-b", b"# T\n\n\xff\n"), "labs/1-b/README.md:3: not UTF-8");
    assert_eq!(
        load("2-c", b"<!-- rehearse: fial -->\n```bash\nx\n```"),
        "labs/2-c/README.md:1: unknown directive `fial`"
    );
    for name in ["x", "a-b", "-b", "1-", "1x-b", "+1-b"] {
        assert_eq!(load(name, GOOD), format!("labs/{name}: a lab's folder is named NUMBER-slug"));
    }
    assert_eq!(load("3-d", b"# T\n```bash\necho \0\n```\n"), "labs/3-d/README.md:3: a NUL byte");
    std::fs::create_dir(root.path().join("9-none")).unwrap();
    assert_eq!(shown(Lab::load(&root.path().join("9-none")).unwrap_err()), "labs/9-none has no README.md");
}

#[test]
fn what_is_wrong_with_a_lab_is_told_to_whom_it_concerns_and_all_of_it() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "0-good", GOOD);
    write(root.path(), "1-bad", b"<!-- rehearse:\n fial\n expect mypod: Running\n-->\n```bash\nx\n```");
    std::fs::create_dir(root.path().join("2-empty")).unwrap();
    let asked = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let ids = |labs: Vec<Lab>| labs.iter().map(|lab| lab.id.to_string()).collect::<Vec<_>>().join(" ");
        load(root.path(), &names)
            .map_or_else(|error| error.to_string(), ids)
            .replace(root.path().to_str().unwrap(), "labs")
    };
    assert_eq!(asked(&["good", "0"]), "0");
    assert_eq!(asked(&["2"]), "labs/2-empty has no README.md");
    assert_eq!(asked(&["0", "3"]), "no lab `3`");
    assert_eq!(asked(&[]), asked(&["0", "all"]));
    insta::assert_snapshot!(asked(&[]), @r"
    3 things are wrong with the labs
      labs/1-bad/README.md:2: unknown directive `fial` (did you mean `fails`?)
      labs/1-bad/README.md:3: malformed object reference `mypod` (write `pod/NAME` or `pod/NAME -n NAMESPACE`)
      labs/2-empty has no README.md (a lab's guide is the file README.md in its folder)
    ");
}

#[test]
fn two_labs_with_one_number() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "1-a", GOOD);
    write(root.path(), "01-b", GOOD);
    let error = load_all(root.path()).unwrap_err().to_string();
    assert!(error.starts_with("two labs have the number 1: "), "{error}");
    assert!(matches!(load_all(&root.path().join("none")), Err(ScriptError::Read { .. })));
}

#[test]
fn the_labs_of_this_project() {
    let labs = load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")).unwrap();
    assert!(labs.iter().map(|lab| lab.id).eq(0..=9), "they follow one another");
    for lab in &labs {
        let steps: Vec<String> = lab.steps.iter().map(outline).collect();
        insta::assert_snapshot!(
            format!("lab-{}", lab.id),
            format!("{}\nneeds {:?}\n\n{}\n", lab.title, lab.needs, steps.join("\n"))
        );
    }
}
