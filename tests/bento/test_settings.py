"""Settings of the service."""

from pathlib import Path

import pytest

from bento import settings
from bento.settings import ServiceSettings
from unmask.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"), [("UNMASK_MAX_UPLOAD_MIB", "0"), ("UNMASK_LEASE_S", "soon")]
)
def test_a_setting_that_makes_no_sense_is_named(name, value):
    with pytest.raises(ConfigError, match=name):
        ServiceSettings.from_environment({name: value})


def test_a_path_that_bentoml_would_look_for_elsewhere_is_refused():
    with pytest.raises(ConfigError, match="UNMASK_API_KEYS_FILE: keys is relative"):
        ServiceSettings.from_environment({"UNMASK_API_KEYS_FILE": "keys"})
    given = {"UNMASK_API_KEYS_FILE": "/a/keys", "UNMASK_STORAGE": "s3://a/b"}
    assert ServiceSettings.from_environment(given).api_keys_file == Path("/a/keys")


def test_every_setting_can_be_looked_up(capsys):
    settings.main()
    told = capsys.readouterr().out.splitlines()
    names = [f"UNMASK_{name.upper()}" for name in ServiceSettings.model_fields]
    assert [line.split()[0] for line in told] == names


def test_a_store_elsewhere_is_known_by_the_name_that_other_tools_know_it_by():
    def found(**environment):
        return ServiceSettings.from_environment(environment).s3_endpoint

    assert found() == ""
    assert found(AWS_ENDPOINT_URL="http://a") == "http://a"
    assert found(AWS_ENDPOINT_URL="http://a", AWS_ENDPOINT_URL_S3="http://b") == "http://b"
    assert found(AWS_ENDPOINT_URL="http://a", UNMASK_S3_ENDPOINT="http://c") == "http://c"
