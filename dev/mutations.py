#!/usr/bin/env python3
"""Breaks one rule of the function at a time and shows that a test on real servers notices.

    python3 dev/stack.py run --with all -- python3 dev/mutations.py [WORDS]
    python3 dev/mutations.py --check

`--check` only says which mutations no longer fit: whose text is not in its file once, or whose tests do not exist.

With WORDS, only the mutations whose rule contains them. Each is made in a copy of the project, `.dev/mutations/`. It
counts as noticed when the program still compiles and one of the tests that are named with it fails; what the tests
said is in `.dev/mutations.log`.

The model in tests/it/protocol.rs breaks some rules in pairs, because two guards stand behind one promise. The tests
know each guard by itself, so that here each is broken alone. One rule of the model is not here: it is a rule of the
world, not of the function.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
COPY = PROJECT / ".dev" / "mutations"
LOG = PROJECT / ".dev" / "mutations.log"
# The copy shares the compiled dependencies with the project. What is compiled of the packages themselves must not be
# shared, or cargo would take the last mutation for the project's own program; under another profile it is not.
PACKAGES = ["secrets-manager-mysql-rotation", "account-mirror"]
OWN_PROFILE = [f"--config=profile.dev.package.{package}.debug=false" for package in PACKAGES]
# A test that waits for something that a mutation has taken away would wait for ever.
SECONDS = 600


class Mutation(NamedTuple):
    """What is broken, where, by which text in the place of which, and the tests that must notice."""

    rule: str
    file: str
    text: str
    broken: str
    tests: list[str]


MUTATIONS = [
    # What the server said is told.
    Mutation(
        "a message about a password is withheld whatever it says",
        "database/session/query_error.rs",
        "is_none_or(|row| row.quotes)",
        "is_none_or(|_| true)",
        ["refusals::told::grant_tables_of_another_version_are_told_with_the_servers_own_words"],
    ),
    Mutation(
        "every failed operation is the password policy",
        "database/apply/refused.rs",
        "reasons.exists != creates && self.session.variables.checks_passwords()",
        "reasons.exists != creates",
        ["refusals::told::a_digest_that_the_server_cannot_make_is_no_password_policy"],
    ),
    # The rules of the model, in its words.
    Mutation(
        "a version that lost its label goes on",
        "handler/readiness.rs",
        "    version_is_pending(event, description)?;\n",
        "    let _ = version_is_pending(event, description);\n",
        ["races::a_version_that_lost_its_label_does_nothing_more"],
    ),
    Mutation(
        "a version that is current already is rotated on",
        "handler/readiness.rs",
        "    if description.has_label(&event.version, StagingLabel::Current) {\n",
        "    if false {\n",
        ["guard::a_version_that_is_current_already_is_a_success_of_every_step_and_one_call"],
    ),
    Mutation(
        "the new login is always for the same user, and no value is refused",
        "account-mirror/src/username.rs",
        "        if let Some(base) = self.0.strip_suffix(SUFFIX) {\n",
        "        if self.0.ends_with(SUFFIX) {\n"
        "            return Ok(self.clone());\n"
        "        }\n"
        "        if let Some(base) = self.0.strip_suffix(SUFFIX) {\n",
        ["steps::every_step_done_twice_ends_in_the_same_state_and_a_finished_rotation_stays_finished"],
    ),
    Mutation(
        "a value made from an older current one is accepted by createSecret",
        "step/create_secret.rs",
        "            check_kept_value(&turn).await?;\n",
        "            let _ = check_kept_value(&turn).await;\n",
        ["states::a_value_from_before_an_edit_is_stale_and_its_remedy_helps"],
    ),
    Mutation(
        "a value made from an older current one is accepted by setSecret and testSecret",
        "step/turn.rs",
        "        let Some(found) = self.mismatch(pending) else {\n",
        "        let Some(found) = self.mismatch(pending).filter(|_| false) else {\n",
        ["states::a_pending_value_for_another_user_is_refused_before_anything_is_written"],
    ),
    Mutation(
        "nothing keeps two invocations from changing the twin at once",
        "step/checks.rs",
        "    let lock = lock_pair(session, &turn.current.username, superuser.arn()).await?;\n",
        "    let lock = (|_| crate::database::session::Lock::Taken)((lock_pair, superuser.arn()));\n",
        ["deadlines::a_connection_that_died_without_a_farewell_keeps_the_next_try_out_for_a_minute_at_most"],
    ),
    Mutation(
        "the labels are not looked at again under the lock",
        "step/checks/versions.rs",
        "        still_pending(rotation).await?;\n",
        "        let _ = still_pending(rotation).await;\n",
        ["races::an_invocation_that_slept_through_another_rotation_writes_nothing"],
    ),
    Mutation(
        "a twin that exists is not made equal again",
        "step/set_secret.rs",
        "        if pair.plan.is_empty() {\n"
        "            break;\n",
        "        if pair.plan.is_empty() || pair.twin.is_some() {\n"
        "            break;\n",
        ["migration::what_the_twin_has_too_much_is_revoked_and_what_it_lacks_is_granted"],
    ),
    Mutation(
        "a password that works is proof enough",
        "step/set_secret.rs",
        "    for _ in 0..ROUNDS {\n",
        "    if !placed.is_empty() {\n"
        "        return Ok(0);\n"
        "    }\n"
        "    for _ in 0..ROUNDS {\n",
        ["mirror_cases::a_twin_that_has_the_password_and_nothing_else_is_completed_before_it_is_accepted"],
    ),
    Mutation(
        "setSecret does not compare the accounts",
        "step/pair/verify.rs",
        "        if differences.is_empty() {\n",
        "        if differences.is_empty() || step == Step::SetSecret {\n",
        ["states::a_source_that_changes_at_the_last_statement_is_found_out_by_set_secret_itself"],
    ),
    Mutation(
        "testSecret does not compare the accounts",
        "step/pair/verify.rs",
        "        if differences.is_empty() {\n",
        "        if differences.is_empty() || step == Step::TestSecret {\n",
        ["migration::a_half_made_twin_is_completed_and_never_promoted_as_it_is"],
    ),
    # The secret's versions.
    Mutation(
        "each try of createSecret stores a password of its own",
        "aws/secrets_manager.rs",
        "            .client_request_token(version.as_str())\n",
        "            .client_request_token(format!(\"{version}-{:?}\", SystemTime::now()))\n",
        ["states::a_rotation_given_up_after_any_step_is_taken_up_with_its_token_and_its_value"],
    ),
    Mutation(
        "a version without a value passes the test",
        "step/test_secret.rs",
        "        return Ok(summary);\n",
        "        summary.refusal = None;\n"
        "        return Ok(summary);\n",
        ["preflight::a_real_rotation_whose_pending_value_is_hidden_from_the_test_is_not_promoted"],
    ),
    Mutation(
        "finishSecret makes a version without a value current",
        "step/finish_secret.rs",
        "        None => pending_user(rotation).await?,\n",
        "        None => pending_user(rotation).await.unwrap_or(crate::step::turn::Turn::read(rotation).await?.twin),\n",
        ["proof::a_version_without_a_value_never_becomes_current"],
    ),
    Mutation(
        "finishSecret takes a lost answer for a failure",
        "step/finish_secret.rs",
        "        Some(current) if current == *version => Ok(()),\n",
        "",
        ["guard::a_lost_answer_to_the_last_call_is_no_failure"],
    ),
    # Proof: whose account it is, and what was done already.
    Mutation(
        "a secret without the user's present password makes a twin",
        "step/checks/current_password.rs",
        "    if !is_current {\n",
        "    if false {\n",
        ["refusals::accounts::a_user_that_is_not_there_or_has_another_password_is_told_apart"],
    ),
    Mutation(
        "a new secret opens a host that the old one did not",
        "step/checks/current_password.rs",
        "    if differing.is_empty() {\n",
        "    if true {\n",
        ["proof::another_password_at_another_host_is_refused_and_its_remedy_helps"],
    ),
    Mutation(
        "an alternative with an empty password is mirrored",
        "step/checks/current_password.rs",
        "            if self.proofs.matches(stored, &empty).await? {\n",
        "            if false {\n",
        ["proof::of_alternative_passwords_one_must_be_the_secrets_and_none_empty"],
    ),
    Mutation(
        "a string of a form that is not known is carried over",
        "../account-mirror/src/plugin.rs",
        "        Kind::Opaque => (None, None),\n",
        "        Kind::Opaque => (None, String::from_utf8(string.as_bytes().to_vec()).ok()),\n",
        ["refusals::plugins::a_plugin_whose_strings_are_not_known_is_refused_by_name_at_each_host_of_each_user"],
    ),
    Mutation(
        "whether the server has the plugin is not asked",
        "step/checks/plugins.rs",
        "    let Some((host, plugin)) = missing.next() else {\n",
        "    let Some((host, plugin)) = missing.next().filter(|_| false) else {\n",
        ["refusals::plugins::a_plugin_that_the_server_has_not_loaded_is_found_at_every_host_before_the_first_write"],
    ),
    Mutation(
        "the server's policy for plugins is not looked at",
        "../account-mirror/src/powers/policy.rs",
        "        if demanded.is_empty() || ",
        "        if true || demanded.is_empty() || ",
        ["refusals::plugins::a_plugin_that_the_servers_policy_forbids_the_superuser_is_found_before_the_first_write"],
    ),
    Mutation(
        "a required cipher is not compared",
        "step/checks/cipher.rs",
        "    if own == cipher {\n",
        "    if true {\n",
        ["refusals::plugins::a_cipher_that_is_required_is_compared_and_on_mysql_takes_a_certificate"],
    ),
    Mutation(
        "the tables are believed without the server's memory",
        "step/pair/memory.rs",
        "            if !hashes.all(|stored| stored.string.is_shown_in(line)) {\n",
        "            if !hashes.all(|stored| stored.string.is_shown_in(line) || true) {\n",
        ["written_by_hand::a_table_that_was_written_by_hand_proves_nothing_until_the_server_has_read_it"],
    ),
    Mutation(
        "the user in use is logged in as, though its host is known",
        "step/host_in_use.rs",
        "        if !superuser.is_at(server) {\n",
        "        if superuser.is_at(server) {\n",
        ["proof::a_user_whose_only_connection_is_taken_is_rotated_without_a_login"],
    ),
    Mutation(
        "a stranger with the twin's name is taken for the twin",
        "step/checks/ownership.rs",
        "            let Some(version) = version else {\n"
        "                return Err(self.not_ours(host, &search));\n"
        "            };\n",
        "            let version = version.as_ref().unwrap_or(&self.turn.rotation.version);\n",
        ["ownership::a_stranger_is_left_alone_also_one_that_is_equal_to_the_user"],
    ),
    Mutation(
        "a version that names the twin makes it this secret's, whatever its password",
        "step/checks/other_versions.rs",
        "            if found.is_none() && self.proofs.any_matches(",
        "            if found.is_none() || self.proofs.any_matches(",
        ["ownership::a_version_that_a_refused_rotation_left_does_not_make_a_stranger_ours"],
    ),
    Mutation(
        "a password that is in place is set again",
        "database/apply.rs",
        "(!placed.contains(host)).then_some(",
        "Some(",
        ["proof::a_second_try_does_not_set_a_password_that_is_in_place_whatever_the_server_remembers"],
    ),
    Mutation(
        "testSecret looks at the password of the host in use alone",
        "step/test_secret.rs",
        "        if Some(host) != host_in_use && ",
        "        if false && Some(host) != host_in_use && ",
        ["proof::a_password_that_was_changed_after_set_secret_is_found_at_every_host"],
    ),
    Mutation(
        "a guest can guess the name of the lock",
        "database/session/lock.rs",
        "    format!(\"rotation:{digits}\")\n",
        "    let _ = digits;\n"
        "    format!(\"rotation:{}\", user.base())\n",
        ["proof::a_guest_who_holds_a_lock_with_the_pairs_name_stops_no_rotation"],
    ),
    Mutation(
        "the superuser may be one of the two users",
        "step/superuser.rs",
        "        is_neither(&document, turn)?;\n",
        "        let _ = is_neither(&document, turn);\n",
        ["refusals::accounts::a_superuser_that_is_one_of_the_two_users_is_refused"],
    ),
    # What is written, and when.
    Mutation(
        "a read-only server is written to",
        "step/checks/refusals.rs",
        "    let Some(variable) = session.variables.read_only() else {\n",
        "    let Some(variable) = session.variables.read_only().filter(|_| false) else {\n",
        ["states::a_server_that_is_read_only_for_a_while_is_left_alone_and_rotated_later"],
    ),
    Mutation(
        "what the superuser may not do is found out half way",
        "step/checks.rs",
        "        self.pair.powers.permits(source, twin.as_ref(), plan)?;\n",
        "        let _ = self.pair.powers.permits(source, twin.as_ref(), plan);\n",
        ["refusals::superuser::what_the_superuser_cannot_grant_is_refused_with_the_privilege_the_account_and_the_remedy"],
    ),
    Mutation(
        "every try begins from nothing",
        "step/pair.rs",
        "        self.plan = plan::plan(self.session.family, &self.source, self.twin.as_ref());\n",
        "        self.plan = plan::plan(self.session.family, &self.source, None);\n",
        ["states::a_rotation_given_up_after_any_step_is_taken_up_with_its_token_and_its_value"],
    ),
    Mutation(
        "a new twin can log in before it is complete",
        "account-mirror/src/sql.rs",
        "clauses(settings, \" ACCOUNT LOCK\")",
        "clauses(settings, \" ACCOUNT UNLOCK\")",
        ["states::nobody_logs_in_as_a_twin_that_is_half_made"],
    ),
    Mutation(
        "an account that was handed over is unlocked before it has its new password",
        "database/apply.rs",
        "            if !self.progress.created.contains(host) {\n",
        "            let lock = self.builder.set_lock(host, account.state.locked);\n"
        "            self.run(lock).await?;\n"
        "            if !self.progress.created.contains(host) {\n",
        ["states::nobody_logs_in_as_a_twin_that_is_half_made"],
    ),
    Mutation(
        "a lease does not end",
        "database/session/lease.rs",
        "self.clock.later(LEASE)",
        "self.clock.later(LEASE * 100)",
        ["lease::a_rotation_that_slept_through_another_one_changes_nothing_wherever_it_slept"],
    ),
    Mutation(
        "another lease is taken without a look at the labels",
        "step/lease.rs",
        "    if now.has_label(&rotation.version, StagingLabel::Pending) {\n",
        "    if true || now.has_label(&rotation.version, StagingLabel::Pending) {\n",
        ["lease::a_rotation_that_slept_through_another_one_changes_nothing_wherever_it_slept"],
    ),
    Mutation(
        "nobody waits for the leases of others",
        "step/lease.rs",
        "sleep_until(seen_pending + TIME_FOR_OTHERS)",
        "sleep_until(seen_pending)",
        ["lease::where_several_servers_take_writes_each_change_has_a_guard_and_waits_for_others"],
    ),
    Mutation(
        "a cluster is taken for one server",
        "database/session/variables.rs",
        "(self.value(name).is_some() && !self.is_on(name)).then_some(name)",
        "(false && self.value(name).is_some()).then_some(name)",
        ["lease::where_several_servers_take_writes_each_change_has_a_guard_and_waits_for_others"],
    ),
    Mutation(
        "a text with account statements has no guard on the server's clock",
        "database/session/guard.rs",
        "SELECT IF({CLOCK} < {}, 0, (SELECT 1 UNION SELECT 2))",
        "SELECT IF({CLOCK} < {}, 0, 1)",
        ["in_a_row::a_text_that_reaches_the_server_too_late_changes_nothing"],
    ),
    Mutation(
        "the error of a text is taken for that of the statement before",
        "database/session/in_a_row.rs",
        "    entries - entries.div_ceil(GUARDED + 1)\n",
        "    (entries - entries.div_ceil(GUARDED + 1)).saturating_sub(1)\n",
        ["in_a_row::the_error_names_the_statement_of_a_text_that_was_refused"],
    ),
    Mutation(
        "the error of a later statement of a text is lost",
        "database/session.rs",
        "                    return result.drop_result().await.map_err(failed);\n",
        "                    return Ok(());\n",
        [
            "in_a_row::of_a_text_each_statement_may_fail_and_all_others_are_carried_out_once",
            "refusals::told::a_superuser_that_may_read_two_of_the_grant_tables_is_told_which_it_lacks",
        ],
    ),
    Mutation(
        "a text is longer than the server takes",
        "database/session/in_a_row.rs",
        "        if text.len() + longer > most || ",
        "        let _ = (longer, most);\n        if ",
        ["in_a_row::a_text_is_no_longer_than_the_server_takes"],
    ),
    Mutation(
        "a row on a schema is revoked before the less specific one that it covers",
        "account-mirror/src/plan/levels.rs",
        "    for (number, target) in rows.iter().rev() {\n",
        "    for (number, target) in rows.iter() {\n",
        ["mirror_cases::a_row_that_covers_a_less_specific_one_goes_after_it"],
    ),
    Mutation(
        "a new try retains the pending password in the place of the replaced one",
        "database/apply.rs",
        "(!placed.contains(host)).then_some(account.authentication.as_slice())",
        "Some(account.authentication.as_slice())",
        ["retain::a_retry_does_not_push_the_retained_password_out"],
    ),
    # What is mirrored exactly, and what is found before the first write.
    Mutation(
        "privileges at a host without an account are overlooked",
        "account-mirror/src/tables/answers.rs",
        "        if table.counts_without_account && self.reading.users.contains(user) {\n",
        "        if false && table.counts_without_account && self.reading.users.contains(user) {\n",
        ["written_by_hand::privileges_at_a_host_without_an_account_are_refused_until_drop_user_removes_them"],
    ),
    Mutation(
        "a table to come is taken for one that is gone",
        "step/pair/orphans.rs",
        "Some(Meaning::TableAbsent) if grant.privileges.contains(Privilege::CREATE) => {\n",
        "Some(Meaning::TableAbsent) if false && grant.privileges.contains(Privilege::CREATE) => {\n",
        ["exactness::privileges_on_a_table_to_come_are_granted_together_with_create"],
    ),
    Mutation(
        "what is missing on a table to come is granted without CREATE",
        "account-mirror/src/plan/levels.rs",
        "    if is_table && at(",
        "    if false && is_table && at(",
        ["exactness::privileges_on_a_table_to_come_are_granted_together_with_create"],
    ),
    Mutation(
        "of two netmasks the one that matches more is taken for the more specific",
        "account-mirror/src/specificity.rs",
        " => [2, !mask as usize, 0, 0],\n",
        " => [2, mask as usize, 0, 0],\n",
        ["patterns::each_server_goes_by_the_host_that_the_plan_takes_for_the_most_specific"],
    ),
    Mutation(
        "a mandatory role that was granted is not copied",
        "account-mirror/src/exempt.rs",
        "    if let Some(twin) = twin {\n",
        "    let is_mandatory =\n"
        "        |target: &GrantTarget| matches!(target, GrantTarget::Role(role) if mandatory.contains(role));\n"
        "    for account in source.accounts.values_mut() {\n"
        "        account.grants.retain(|target, _| !is_mandatory(target));\n"
        "    }\n"
        "    if let Some(twin) = twin {\n",
        ["exactness::a_mandatory_role_that_the_user_was_granted_is_copied_and_one_of_the_twin_alone_is_left"],
    ),
    Mutation(
        "a mandatory role is revoked",
        "account-mirror/src/exempt.rs",
        "        (None, Some(_)) => {\n",
        "        (None, Some(_)) if false => {\n",
        ["exactness::a_mandatory_role_that_the_user_was_granted_is_copied_and_one_of_the_twin_alone_is_left"],
    ),
    Mutation(
        "the letter case of columns and routines makes a difference",
        "account-mirror/src/grant.rs",
        "        self.0.chars().flat_map(char::to_lowercase)\n",
        "        self.0.chars()\n",
        ["exactness::columns_and_routines_in_another_letter_case_are_equal_and_their_privileges_stay_usable"],
    ),
    Mutation(
        "a default role that was revoked is set again",
        "account-mirror/src/exempt.rs",
        "        role.host.is_none() && !grants",
        "        false && role.host.is_none() && !grants",
        ["exactness::a_default_role_that_was_revoked_or_dropped_is_left_out_with_a_warning"],
    ),
    Mutation(
        "a role with SYSTEM_USER is granted like any other",
        "account-mirror/src/powers.rs",
        "            && self.system_roles.contains(role)\n",
        "            && false\n"
        "            && self.system_roles.contains(role)\n",
        ["exactness::a_role_with_system_user_is_refused_before_a_superuser_without_it_fails_to_grant_it"],
    ),
    Mutation(
        "a twin that is still a definer is found out when it is created",
        "step/checks.rs",
        "        defined_objects::check(&mut self.pair).await?;\n",
        "        let _ = defined_objects::check(&mut self.pair).await;\n",
        ["exactness::a_twin_that_is_still_a_definer_is_refused_before_it_cannot_be_created"],
    ),
    Mutation(
        "a password that RSA cannot carry is set",
        "step/checks/rsa.rs",
        "    if length <= most {\n",
        "    if length <= most || true {\n",
        ["exactness::a_password_that_rsa_cannot_carry_without_tls_is_refused_before_it_is_set"],
    ),
    Mutation(
        "a preflight tries no password on the server's rules",
        "step/checks.rs",
        "            None => self.turn.rotation.config.passwords.generate(),\n",
        "            None => return Ok(()),\n",
        ["refusals::foretold::the_preflight_names_each_refusal_that_a_rotation_gives_before_its_first_write"],
    ),
    Mutation(
        "rows of the superuser at another host are read",
        "account-mirror/src/tables/reading.rs",
        "        self.users.contains(name.user) || self.single.contains(&single())\n",
        "        let _ = single;\n"
        "        self.users.contains(name.user) || self.single.iter().any(|(user, _)| user == name.user)\n",
        ["exactness::what_is_unknown_of_the_superuser_at_another_host_does_not_matter"],
    ),
    # Logins.
    Mutation(
        "the pending password is tried before it is set",
        "step/set_secret.rs",
        "    let existed = checked.pair.twin.is_some();\n",
        "    let existed = checked.pair.twin.is_some();\n"
        "    let server = superuser.turn.rotation.server(&superuser.turn.current);\n"
        "    let role = crate::database::session::LoginRole::Pending;\n"
        "    let attempt = crate::step::user_login::credentials(role, &checked.pending, &server);\n"
        "    drop(attempt.open_at(&[checked.pair.session.address], superuser.turn.rotation.deadline).await);\n",
        ["migration::partial_revokes_are_copied_and_no_login_fails_on_the_way"],
    ),
    Mutation(
        "a superuser that is refused is not read again",
        "step/superuser.rs",
        "                || !self.await_newer_version().await?\n",
        "                || false && self.await_newer_version().await?\n"
        "                || true\n",
        ["races::a_superuser_whose_password_changes_just_now_is_read_again"],
    ),
    Mutation(
        "a superuser that is refused is tried again with the same password",
        "step/superuser.rs",
        "(value.version != self.value.version).then_some(value)",
        "(!value.version.as_str().is_empty()).then_some(value)",
        ["races::a_password_of_the_superuser_that_was_refused_is_not_tried_again"],
    ),
    Mutation(
        "what undoes the settings of a session goes unnoticed",
        "database/session/prepare.rs",
        "            check(session.family, kept)?;\n",
        "            let _ = check(session.family, kept);\n",
        ["refusals::server::a_session_whose_settings_are_undone_on_the_way_to_the_server_writes_nothing"],
    ),
    Mutation(
        "a failing init_connect is taken for a refused login",
        "database/server_error/at_login.rs",
        "        1184,\n",
        "        1,\n",
        ["refusals::server::what_every_session_begins_with_does_not_change_what_the_statements_mean"],
    ),
    Mutation(
        "a panic of the driver in the handshake ends the step",
        "database/session/login.rs",
        "panic::catch(Conn::new(options))",
        "async { Ok(Conn::new(options).await) }",
        ["fuzz::hostile::meaning::what_is_not_the_protocol_is_no_trouble_with_the_network"],
    ),
    Mutation(
        "the session's log of slow statements stays on",
        "database/session/prepare.rs",
        ", slow_query_log = OFF\"",
        "\"",
        ["globals::no_account_statement_is_in_the_log_of_slow_statements_of_mariadb"],
    ),
    Mutation(
        "a global limit of rows cuts reads short",
        "database/session/prepare.rs",
        "sql_select_limit = {UNLIMITED}, \\\n",
        "\\\n",
        ["globals::global_values_that_truncate_or_refuse_reads_do_not_reach_the_sessions"],
    ),
    Mutation(
        "of a spoiled login with ed25519 the alternative method is the last word",
        "step/user_login.rs",
        "                    || refused.error.error_type() == ErrorType::ProtocolError) =>\n",
        "                    || false) =>\n",
        ["proof::a_refused_login_is_made_once_more_with_ed25519_alone"],
    ),
    # Time.
    Mutation(
        "a statement that was given up is carried out later",
        "database/session/prepare.rs",
        "lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}{own}",
        "lock_wait_timeout = 600, innodb_lock_wait_timeout = 600{own}",
        ["deadlines::a_statement_that_was_given_up_under_a_global_read_lock_never_commits"],
    ),
    Mutation(
        "a change of an account is begun that may outlast the invocation",
        "database/session/in_a_row.rs",
        "        self.limit.check(self.deadline).map_err(QueryError::NotBegun)?;\n",
        "        let _ = self.limit.check(self.deadline);\n",
        ["deadlines::no_change_of_an_account_is_begun_that_may_outlast_the_invocation"],
    ),
    Mutation(
        "a session that was lost keeps the pair locked for hours",
        "database/session/prepare.rs",
        "autocommit = 1, wait_timeout = 60, \\\n",
        "autocommit = 1, wait_timeout = 28800, \\\n",
        ["deadlines::a_connection_that_died_without_a_farewell_keeps_the_next_try_out_for_a_minute_at_most"],
    ),
    Mutation(
        "a login has no end",
        "database/session/login.rs",
        "        if let Some(result) = deadline.at_most(CONNECT).limit(&mut connection).await {\n",
        "        if let Some(result) = Some((&mut connection).await) {\n",
        ["deadlines::a_server_that_takes_the_connection_and_never_speaks_is_called_silent"],
    ),
    Mutation(
        "a question to the database has no end",
        "database/session.rs",
        "        match self.deadline.run(\"an answer of the database\", panic::catch(query)).await {\n",
        "        match Ok::<_, Error>(panic::catch(query).await) {\n",
        ["deadlines::a_connection_that_died_without_a_farewell_keeps_the_next_try_out_for_a_minute_at_most"],
    ),
    # Secrets.
    Mutation(
        "a statement shows its password",
        "account-mirror/src/sql.rs",
        "shown: text(&|_| PLACEHOLDER.to_owned()),",
        "shown: text(&quote_literal),",
        ["secrecy::the_library_logs_no_secret_at_any_level_in_a_rotation_that_succeeds"],
    ),
    Mutation(
        "the event is logged as it came, with its rotation token",
        "handler.rs",
        "        let event = RotationEvent::parse(&payload);\n",
        "        tracing::debug!(\"{payload}\");\n"
        "        let event = RotationEvent::parse(&payload);\n",
        ["regions::the_rotation_token_goes_with_the_value_and_into_no_log"],
    ),
]


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        return check()
    words = " ".join(sys.argv[1:])
    chosen = [mutation for mutation in MUTATIONS if words in mutation.rule]
    if not chosen:
        sys.exit(f"mutations: no rule contains {words!r}.")
    copy_project()
    LOG.write_text("")
    for mutation in chosen:
        broken(mutation)
    started = time.monotonic()
    everything = sorted({test for mutation in chosen for test in mutation.tests})
    output = run_tests("no mutation", everything)
    if f"{len(everything)} passed; 0 failed" not in output:
        sys.exit(f"{output}\nmutations: without a mutation, not all of these tests are there and pass.")
    print(f"without a mutation, {len(everything)} tests pass ({time.monotonic() - started:.0f} s)", flush=True)

    unnoticed = 0
    for mutation in chosen:
        began = time.monotonic()
        file = COPY / place(mutation)
        whole = file.read_text()
        file.write_text(broken(mutation))
        output = run_tests(mutation.rule, mutation.tests)
        file.write_text(whole)
        noticed = [test for test in mutation.tests if f"\n    {test}\n" in output]
        unnoticed += not noticed
        by = f"noticed by {', '.join(noticed)}" if noticed else "NOT NOTICED"
        print(f"{mutation.rule}: {by} ({time.monotonic() - began:.0f} s)", flush=True)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(chosen) - unnoticed} of {len(chosen)} mutations were noticed, in {minutes:.0f} minutes")
    return 1 if unnoticed else 0


def copy_project() -> None:
    """Copies what git tracks. What is the same already is left alone, so that cargo need not compile it again."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    names = {name for name in listed.stdout.split("\0") if name and (PROJECT / name).is_file()}
    for old in COPY.rglob("*"):
        if old.is_file() and str(old.relative_to(COPY)) not in names:
            old.unlink()
    for name in sorted(names):
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != (PROJECT / name).read_bytes():
            shutil.copyfile(PROJECT / name, target)


def check() -> int:
    """Prints each mutation that no longer fits."""
    found = [text for mutation in MUTATIONS for text in stale(mutation)]
    print("\n".join(found) if found else f"{len(MUTATIONS)} mutations fit")
    return int(bool(found))


def stale(mutation: Mutation) -> list[str]:
    """Why a mutation does not fit."""
    name = place(mutation)
    file = PROJECT / name
    times = file.read_text().count(mutation.text) if file.exists() else 0
    why = []
    if not file.exists():
        why.append(f"{name} does not exist")
    elif times != 1:
        why.append(f"{name} has its text {times} times: {mutation.text.strip().splitlines()[0]}")
    for test in mutation.tests:
        module, _, function = test.rpartition("::")
        source = (PROJECT / "tests" / "it" / module.replace("::", "/")).with_suffix(".rs")
        if not source.exists() or f"fn {function}(" not in source.read_text():
            why.append(f"there is no test {test}")
    return [f"{mutation.rule!r}: {one}" for one in why]


def place(mutation: Mutation) -> str:
    """The file's path in the project: in the function's own sources, or in those of the crate that it names."""
    return mutation.file if mutation.file.startswith("account-mirror/") else f"src/{mutation.file}"


def broken(mutation: Mutation) -> str:
    """The file with the mutation."""
    if why := stale(mutation):
        sys.exit(f"mutations: {why[0]}")
    return (PROJECT / place(mutation)).read_text().replace(mutation.text, mutation.broken)


def run_tests(what: str, tests: list[str]) -> str:
    """What the tests print. That they do not compile is a mistake in the table, and ends everything."""
    cargo = ["cargo", "test", "--locked", "--quiet", *OWN_PROFILE, "--test", "it"]
    env = {**os.environ, "CARGO_TARGET_DIR": str(PROJECT / "target"), "RUST_BACKTRACE": "0"}
    built = subprocess.run([*cargo, "--no-run"], cwd=COPY, env=env, stderr=subprocess.PIPE, text=True)
    if built.returncode != 0:
        sys.exit(f"{built.stderr}\nmutations: {what!r} does not compile.")
    try:
        ran = subprocess.run(
            [*cargo, "--", "--exact", *tests], cwd=COPY, env=env, timeout=SECONDS, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"mutations: {what!r}: its tests have not ended within {SECONDS} s.")
    # Metrics go past what holds the tests' own output back.
    said = "".join(line for line in ran.stdout.splitlines(True) if '{"_aws"' not in line)
    with LOG.open("a") as log:
        log.write(f"{what}\n{said}\n")
    return said


if __name__ == "__main__":
    sys.exit(main())
