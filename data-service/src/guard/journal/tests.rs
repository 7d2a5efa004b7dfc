//! What a folder of nonces tells whoever opens it next.

use super::*;

const NOW: i64 = 1_700_000_000;

fn open(folder: &Path, mark: Option<&str>, now: i64) -> (Journal, Recovered) {
    Journal::open(folder, mark, now, |_| ()).unwrap()
}

fn open_and_read(folder: &Path, mark: &str, now: i64) -> (Recovered, Vec<segment::Record>) {
    let mut records = Vec::new();
    let (_, found) = Journal::open(folder, Some(mark), now, |record| records.push(record)).unwrap();
    (found, records)
}

fn state_on_disk(folder: &Path) -> State {
    serde_json::from_str(&fs::read_to_string(folder.join("state")).unwrap()).unwrap()
}

/// As if the machine had been started again, with everything on disk.
fn restart(folder: &Path) {
    state::write(folder, &State { boot: Some("an earlier one".into()), ..state_on_disk(folder) }).unwrap();
}

/// As if the machine had been started again, losing what was not on disk yet.
fn pull_the_plug(folder: &Path) {
    restart(folder);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "nonces") {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    assert!(matches!(Journal::open(folder.path(), Some(&found.mark), NOW, |_| ()), Err(OpenError::Locked(_))));
    drop(journal);
    open(folder.path(), Some(&found.mark), NOW);
}

#[test]
fn a_new_folder_serves_at_once_and_a_lost_one_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    assert_eq!(found.floor, 0);
    drop(journal);
    let other = tempfile::tempdir().unwrap();
    let (_journal, lost) = open(other.path(), Some(&found.mark), NOW);
    assert_eq!(lost.floor, NOW + 61, "nothing the lost folder can have known is accepted");
    let (_journal, swapped) = open(folder.path(), Some("another"), NOW);
    assert_eq!(swapped.floor, NOW + 61);
}

#[test]
fn after_a_power_cut_nothing_up_to_the_bound_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    journal.append(NOW + 40, 7, NOW).unwrap();
    drop(journal);
    pull_the_plug(folder.path());
    let (_journal, after) = open(folder.path(), Some(&found.mark), NOW + 5);
    assert!(after.floor > NOW + 40, "{}", after.floor);
    assert!(after.floor <= NOW + 40 + LEASE_SECONDS + 1);
}

#[test]
fn after_an_orderly_end_a_power_cut_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    journal.append(NOW, 7, NOW).unwrap();
    journal.close(NOW - 300).unwrap();
    drop(journal);
    restart(folder.path());
    let (after, records) = open_and_read(folder.path(), &found.mark, NOW + 5);
    assert_eq!((after.floor, records), (NOW - 300, vec![(NOW, 7)]));
}

#[test]
fn who_has_accepted_nothing_leaves_an_orderly_folder_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    journal.append(NOW, 7, NOW).unwrap();
    journal.close(NOW - 300).unwrap();
    drop(journal);
    let before = fs::read(folder.path().join("state")).unwrap();
    drop(open(folder.path(), Some(&found.mark), NOW + 5));
    assert_eq!(fs::read(folder.path().join("state")).unwrap(), before);
    restart(folder.path());
    let (after, records) = open_and_read(folder.path(), &found.mark, NOW + 10);
    assert_eq!((after.floor, records), (NOW - 300, vec![(NOW, 7)]), "and a power cut costs nothing");
}

#[test]
fn the_first_nonce_after_an_orderly_end_is_bound_on_disk_before_it_is_accepted() {
    for ahead in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (journal, found) = open(folder.path(), None, NOW);
        journal.close(NOW - 300).unwrap();
        drop(journal);
        let (journal, _) = open(folder.path(), Some(&found.mark), NOW + 5);
        if ahead {
            journal.tidy(NOW - 295, NOW + 5).unwrap();
            assert!(!state_on_disk(folder.path()).clean, "before anybody has to wait for it");
        }
        journal.append(NOW + 5, 7, NOW + 5).unwrap();
        let state = state_on_disk(folder.path());
        assert!(!state.clean && state.bound >= NOW + 5 && state.boot == state::boot_id(), "{state:?}");
        drop(journal);
        pull_the_plug(folder.path());
        let (_journal, after) = open(folder.path(), Some(&found.mark), NOW + 6);
        assert!(after.floor > NOW + 5, "{}", after.floor);
    }
}

#[test]
fn an_orderly_end_that_somebody_comes_after_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    journal.append(NOW, 7, NOW).unwrap();
    journal.close(NOW - 300).unwrap();
    assert!(state_on_disk(folder.path()).clean);
    journal.append(NOW, 8, NOW).unwrap();
    assert!(!state_on_disk(folder.path()).clean);
    drop(journal);
    let (_, records) = open_and_read(folder.path(), &found.mark, NOW);
    let prints: std::collections::BTreeSet<u64> = records.iter().map(|(_, print)| *print).collect();
    assert_eq!(prints, [7, 8].into());
    pull_the_plug(folder.path());
    assert!(open(folder.path(), Some(&found.mark), NOW).1.floor > NOW);
}

#[test]
fn an_orderly_end_leaves_no_more_than_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), None, NOW);
    let bytes = || -> u64 {
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let segments = files.filter(|file| file.file_name().to_string_lossy().ends_with(".nonces"));
        segments.map(|file| file.metadata().unwrap().len()).sum()
    };
    for at in [NOW, NOW + 60] {
        journal.append(at, 7, at).unwrap();
        journal.tidy(NOW - 300, at + 60).unwrap();
    }
    journal.append(NOW + 120, 7, NOW + 120).unwrap();
    assert!(bytes() > 2 << 20);
    journal.close(NOW + 50).unwrap();
    assert!(bytes() <= (1 << 20) + 16, "{}", bytes());
    drop(journal);
    let (_, records) = open_and_read(folder.path(), &state_on_disk(folder.path()).mark, NOW + 121);
    assert!(records.contains(&(NOW + 120, 7)) && !records.contains(&(NOW, 7)), "{records:?}");
}

#[test]
fn segments_roll_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(folder.path(), None, NOW);
    let count = || {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|extension| extension == "nonces")).count()
    };
    for second in 0..600 {
        journal.append(NOW + second, 1, NOW + second).unwrap();
        journal.tidy(NOW + second - 300, NOW + second).unwrap();
    }
    assert!((5..=8).contains(&count()), "{}", count());
    assert!(journal.bound.load(Ordering::Relaxed) >= NOW + 599);
}

#[test]
fn a_bound_that_could_not_be_written_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    fs::create_dir(folder.path().join("state.next")).unwrap();
    for _ in 0..3 {
        assert!(journal.append(NOW + 50, 7, NOW).is_err());
    }
    fs::remove_dir(folder.path().join("state.next")).unwrap();
    drop(journal);
    pull_the_plug(folder.path());
    let (_journal, after) = open(folder.path(), Some(&found.mark), NOW);
    assert!(after.floor <= NOW + LEASE_SECONDS + 1, "nothing above the bound on disk was accepted");
}

#[test]
fn a_full_segment_is_followed_by_a_larger_one_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, found) = open(folder.path(), None, NOW);
    let total = FEWEST_RECORDS * 2 + 5;
    std::thread::scope(|scope| {
        for part in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for index in (part..total).step_by(4) {
                    journal.append(NOW, index + 1, NOW).unwrap();
                }
            });
        }
    });
    assert!(journal.current.read().unwrap().records() > FEWEST_RECORDS);
    drop(journal);
    let (_, records) = open_and_read(folder.path(), &found.mark, NOW);
    let mut prints: Vec<u64> = records.iter().map(|(_, print)| *print).collect();
    prints.sort_unstable();
    assert_eq!(prints, (1..=total).collect::<Vec<_>>());
}
