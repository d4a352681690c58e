//! What is told of targets that do not agree.

use model::exposition::page_style::PageStyle;
use model::exposition::spelling::Escaping;
use model::exposition::store::ShapeStore;
use serde_json::{Value, json};

use super::fixture::{OM, TEXT, labels, target, targets};
use crate::merge::{CONFLICTS, PageForm, Plan, disputes, sentences};

const TEXT_PAGE: PageForm =
    PageForm { format: TEXT, escaping: Escaping::Underscores, style: PageStyle::PROMETHEUS };

fn listed(plan: &Plan) -> Value {
    serde_json::to_value(disputes(plan)).unwrap()["conflicts"].take()
}

#[test]
fn each_conflict_says_who_said_what_and_what_the_page_has() {
    let plan = Plan::new(
        TEXT_PAGE,
        &targets(&[
            (TEXT, "# TYPE a gauge\na 1\n# HELP b One.\nb 1\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n"),
            (TEXT, "# TYPE a counter\na 1\n# HELP b Two.\nb 1\nh_bucket 1\n"),
            (TEXT, "# TYPE a counter\na 1\n# HELP b Two.\nb 1\nh_bucket 1\n"),
        ]),
    );
    let first = json!({"job": "j", "instance": "1"});
    let others = json!([{"job": "j", "instance": "2"}, {"job": "j", "instance": "3"}]);
    let conflict = |family: &str, kind: &str, said: &str, page: &str, why: &str| {
        let mut one = json!({
            "family": family, "kind": kind, "said": said, "page": page, "why": why, "follows": first,
            "targets": 2, "deviating": others, "deviating_left_out": 0,
        });
        if why.is_empty() {
            one.as_object_mut().unwrap().remove("why");
        }
        one
    };
    assert_eq!(
        listed(&plan),
        json!([
            conflict("a", "type", "counter", "`a` as gauge", "`a` is a gauge already"),
            conflict(
                "h_bucket",
                "misfit",
                "untyped",
                "last, without metadata",
                "the name belongs to the histogram `h`"
            ),
            conflict("b", "help", "Two.", "One.", ""),
        ])
    );
}

#[test]
fn a_target_is_told_of_its_own_conflicts_and_no_others() {
    let plan = Plan::new(
        TEXT_PAGE,
        &targets(&[
            (TEXT, "# TYPE a gauge\na 1\n"),
            (TEXT, "# TYPE a counter\na 1\n"),
            (TEXT, "# TYPE c gauge\nc 1\n"),
        ]),
    );
    let told = sentences(&plan);
    assert_eq!((&told[0], &told[2]), (&None, &None));
    let told: Vec<&str> = told[1].iter().flat_map(|all| all.iter().map(AsRef::as_ref)).collect();
    assert_eq!(
        told,
        ["TYPE counter of `a` does not hold: `a` as gauge; `a` is a gauge already \
          (as instance \"1\" of job \"j\" has it)"]
    );
}

#[test]
fn a_type_that_only_a_sample_of_another_target_forbids_says_so() {
    let form = PageForm { format: OM, ..TEXT_PAGE };
    let plan = Plan::new(
        form,
        &targets(&[
            (OM, "# TYPE foo summary\nfoo{quantile=\"0.5\"} 1\nfoo_sum 1\n"),
            (TEXT, "foo{quantile=\"half\"} 1\n"),
        ]),
    );
    let all = listed(&plan);
    assert_eq!(all[0]["why"], "a sample `foo` on the page could not stand under it", "{all}");
    assert_eq!(all[0]["follows"]["instance"], "2");
    assert_eq!(all[0]["page"], "`foo` as unknown, `foo_sum` as unknown");
}

#[test]
fn lists_are_bounded_and_say_what_they_leave_out() {
    let store = ShapeStore::new();
    let families = CONFLICTS + 7;
    let body = |kind: &str, extra: usize| {
        let all = (0..families).map(|at| format!("# TYPE f{at:04} {kind}\nf{at:04} 1\n"));
        all.chain([format!("own{extra} 1\n")]).collect::<String>()
    };
    let first = target(&store, &labels(0), TEXT, &body("gauge", 0));
    let others = (1..=25).map(|at| target(&store, &labels(at), TEXT, &body("counter", at)));
    let all: Vec<_> = [first].into_iter().chain(others).collect();
    let plan = Plan::new(TEXT_PAGE, &all);
    let told = disputes(&plan);
    assert_eq!((told.conflicts.len(), told.conflicts_left_out), (CONFLICTS, 7 * 25));
    let one = &told.conflicts[0];
    assert_eq!((one.targets, one.deviating.len(), one.deviating_left_out), (25, 20, 5));
    let sentences = sentences(&plan);
    let last = sentences[25].as_ref().unwrap();
    assert_eq!(last.len(), 4);
    assert!(last[3].starts_with(&format!("and {} more", families - 3)), "{last:?}");
}

#[test]
fn a_long_help_is_told_in_part() {
    let help = "ä".repeat(500);
    let plan = Plan::new(
        TEXT_PAGE,
        &targets(&[(TEXT, "# HELP a short\na 1\n"), (TEXT, &format!("# HELP a {help}\na 1\n"))]),
    );
    let all = listed(&plan);
    let said = all[0]["said"].as_str().unwrap();
    assert!(said.len() <= 120 && said.ends_with("ä..."), "{said}");
    assert!(sentences(&plan)[1].as_ref().unwrap()[0].len() <= 300);
}
