//! What is left of a run for those who look at it later: report.html, junit.xml, GitHub's annotations and summary.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rehearsal::exec::{Tool, which};

use crate::program::{Ground, skipped};

const LAB: &str = "# Reports\n\n```bash\necho fine\n```\n\n## Then\n\n```bash\n\
                   echo '</pre><script>alert(1)</script>'\nprintf '\\033[2J'\nfalse\n```\n\n```bash\necho never\n```\n";

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_run_leaves_reports_that_agree() {
    let ground = Ground::new().await;
    ground.lab(LAB);
    let summary = ground.path("summary.md");
    let run = ground.play(&["--json"]).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    let run = run.env("GITHUB_WORKSPACE", ground.dir.path()).run().await.exits_with(1);
    let folder = ground.root().join(run.session());
    for name in ["events.jsonl", "report.html", "junit.xml"] {
        assert_eq!(std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let (page, xml) = (text(&folder.join("report.html")), text(&folder.join("junit.xml")));
    assert!(xml.contains(r#"tests="3" skipped="1" failures="1" errors="0""#), "{xml}");
    assert!(page.contains("`false` exited with 1") && page.contains("(not reached)"), "{page}");
    for report in [&page, &xml] {
        assert!(!report.contains("<script>") && !report.contains('\u{1b}'), "{report}");
    }
    let told: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(told, ["::error file=labs/7-test/README.md,line=12,title=Reports%3A failed::`false` exited with 1"]);
    let summary = text(&summary);
    assert!(summary.contains("| ❌ | Reports | failed |") && summary.contains("labs/7-test/README.md:12"), "{summary}");

    // Once more from the events, of which the end is gone, and beside a whole one.
    let events = text(&folder.join("events.jsonl"));
    let cut = ground.path("cut.jsonl");
    std::fs::write(&cut, &events[..events.len() - 40]).unwrap();
    let (cut, into) = (cut.to_str().unwrap(), ground.path("merged"));
    let merge = ["report", folder.to_str().unwrap(), cut, "--into", into.to_str().unwrap()];
    ground.rehearse(&merge).run().await.exits_with(0).says("1 of 2 runs: not to its end");
    let merged = text(&into.join("report.html"));
    assert!(merged.contains("Incomplete.") && merged.contains("id=\"run1\""), "{merged}");
    ground.nothing_is_left(1).await;
}

#[tokio::test]
async fn what_cannot_be_rendered_is_said() {
    let ground = Ground::light();
    let path = |name: &str| ground.path(name).to_str().unwrap().to_owned();
    std::fs::write(ground.path("guide.md"), "# A guide\n").unwrap();
    for (args, said) in [
        (vec![path("nowhere.jsonl")], "cannot read"),
        (vec![path("guide.md")], "holds no events"),
        (vec![], "cannot read"),
    ] {
        let args: Vec<&str> = std::iter::once("report").chain(args.iter().map(String::as_str)).collect();
        ground.rehearse(&args).run().await.exits_with(2).says(said).says("hint: name an `events.jsonl`");
    }
}

#[tokio::test]
async fn a_check_leaves_the_lecture_with_its_verdicts() {
    let ground = Ground::new().await;
    let lecture = ground.path("lecture.md");
    let text_of_it = "# Greeting\n\n<i>Say</i>:\n\n```bash\necho hello\n```\n\nOutput:\n\n```text\nhallo\n```\n";
    std::fs::write(&lecture, text_of_it).unwrap();
    let run = ground.rehearse(&["check", lecture.to_str().unwrap(), "--cluster", "mini"]).run().await.exits_with(1);
    let folder = ground.root().join(&ground.sessions()[0]);
    let (page, xml) = (text(&folder.join("report.html")), text(&folder.join("junit.xml")));
    assert!(page.contains("&lt;i&gt;Say&lt;/i&gt;") && page.contains("✗</span> contradicted"), "{page}");
    assert!(xml.contains(r#"tests="2" skipped="0" failures="1" errors="0""#), "{xml}");
    assert!(text(&folder.join("events.jsonl")).contains("\"type\":\"item\""), "{}", run.stdout);
    ground.nothing_is_left(1).await;
}

/// A browser shows the page, finds its parts and says nothing of what it would not do.
#[tokio::test]
async fn a_browser_opens_the_page() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|name| which(name, &path));
    let Some(browser) = browser else { return skipped("a_browser_opens_the_page", "browser", "no chromium on PATH") };
    let ground = Ground::new().await;
    ground.lab(LAB);
    ground.play(&[]).run().await.exits_with(1);
    let page = ground.root().join("latest/report.html").canonicalize().unwrap();
    let profile = format!("--user-data-dir={}", ground.path("profile").display());
    let log = ground.path("net.json");
    let tool = Tool::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", &profile])
        .args([&format!("--log-net-log={}", log.display()), "--dump-dom", &format!("file://{}", page.display())]);
    let shown = tool.run().await.unwrap().stdout;
    for part in ["<h1>Rehearsal", "Reports", "`false` exited with 1", "<details class=\"step bad\"", "</html>"] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    assert!(!shown.contains("<script>"), "{shown}");
    // What the page itself would have fetched has the page for its initiator.
    let log = text(&log);
    let fetched: Vec<&str> = log.lines().filter(|line| line.contains("\"initiator\":\"file://")).collect();
    assert!(fetched.iter().all(|line| line.contains("\"url\":\"file://")), "{fetched:?}");
}
