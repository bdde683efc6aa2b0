"""What every error looks like."""

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "request_id", "error"}


def assert_problem(response, code, status):
    """Check that a response is a problem document of ``code``, and return its detail."""
    problem = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem.keys() - {"errors"} == PROBLEM_KEYS
    assert (problem["code"], problem["type"]) == (code, f"urn:problem-type:unmask:{code}")
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["error"] == problem["detail"]
    assert problem["request_id"] == response.headers["X-Request-ID"]
    return problem["detail"]
