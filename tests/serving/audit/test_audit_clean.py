def test_a_clean_candidate_passes_every_check(candidate):
    report = candidate.audit()
    for r in report.results: print(r.check, r.passed, r.rows_checked, r.message)
    assert [(result.check, result.message, result.evidence) for result in report.failures] == []
    assert not report.blocked
