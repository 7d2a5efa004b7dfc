//! Who is who in a receipt.

use crate::installation::Installation;
use rustix::process::Signal;
use serde_json::Value;

fn revoke(installation: &Installation) -> (Vec<String>, Vec<String>) {
    let key = installation.register("blog", &[]);
    let output = installation.output(&["consumer", "revoke", key.key(), "--yes", "--json", "--wait", "30s"]);
    let receipt: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = |field: &str, of: &dyn Fn(&Value) -> String| -> Vec<String> {
        receipt[field].as_array().unwrap().iter().map(of).collect()
    };
    let confirmed = list("confirmed", &|item| item["instance"].as_str().unwrap().to_owned());
    (confirmed, list("silent", &|item| item.as_str().unwrap().to_owned()))
}

#[test]
#[ignore = "needs PostgreSQL"]
fn two_instances_of_one_name_are_two_and_the_dead_are_not_silent_for_ever() {
    let installation = Installation::new();
    let mut instances = [installation.start("web"), installation.start("web"), installation.start("job")];
    let (confirmed, silent) = revoke(&installation);
    assert!(silent.is_empty(), "{silent:?}");
    assert_eq!(confirmed.len(), 3, "{confirmed:?}");
    let twins: Vec<&String> = confirmed.iter().filter(|name| name.starts_with("web#")).collect();
    assert!(twins.len() == 2 && twins[0] != twins[1] && confirmed.contains(&"job".to_owned()), "{confirmed:?}");

    // One stands still: its twin does not speak for it.
    instances[0].signal(Signal::STOP);
    let (confirmed, silent) = revoke(&installation);
    assert_eq!((confirmed.len(), silent.len()), (2, 1), "{confirmed:?} {silent:?}");
    assert!(twins.contains(&&silent[0]) && !confirmed.contains(&silent[0]), "{confirmed:?} {silent:?}");
    instances[0].signal(Signal::CONT);

    // One is killed: it is named for a while, and then no more.
    instances[2].kill();
    let (_, silent) = revoke(&installation);
    assert_eq!(silent, ["job"]);
    installation.sql("UPDATE instances SET seen_at = seen_at - 31000 WHERE name = 'job'");
    let (confirmed, silent) = revoke(&installation);
    assert_eq!((confirmed.len(), silent.len()), (2, 0), "{confirmed:?} {silent:?}");

    // Whoever ends in order says goodbye.
    instances[1].signal(Signal::TERM);
    assert_eq!(instances[1].ended().code(), Some(0), "{}", instances[1].said());
    let (confirmed, silent) = revoke(&installation);
    assert_eq!((confirmed, silent), (vec!["web".to_owned()], vec![]));
}
