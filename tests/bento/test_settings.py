"""Settings of the service."""

from pathlib import Path

import pytest

from bento.settings import ServiceSettings
from unmask.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"), [("UNMASK_MAX_UPLOAD_MIB", "0"), ("UNMASK_LEASE_S", "soon")]
)
def test_invalid_value_is_reported_with_its_variable(name, value):
    with pytest.raises(ConfigError, match=name):
        ServiceSettings.from_environment({name: value})


def test_relative_path_is_rejected():
    with pytest.raises(ConfigError, match="UNMASK_API_KEYS_FILE: keys is a relative path"):
        ServiceSettings.from_environment({"UNMASK_API_KEYS_FILE": "keys"})
    environment = {"UNMASK_API_KEYS_FILE": "/a/keys", "UNMASK_STORAGE": "s3://a/b"}
    assert ServiceSettings.from_environment(environment).api_keys_file == Path("/a/keys")


def test_s3_endpoint_falls_back_to_the_variables_of_the_aws_tools():
    def endpoint(**environment):
        return ServiceSettings.from_environment(environment).s3_endpoint

    assert endpoint() == ""
    assert endpoint(AWS_ENDPOINT_URL="http://a") == "http://a"
    assert endpoint(AWS_ENDPOINT_URL="http://a", AWS_ENDPOINT_URL_S3="http://b") == "http://b"
    assert endpoint(AWS_ENDPOINT_URL="http://a", UNMASK_S3_ENDPOINT="http://c") == "http://c"


def test_every_setting_has_a_description():
    fields = ServiceSettings.model_fields.items()
    assert [name for name, field in fields if not field.description] == []
