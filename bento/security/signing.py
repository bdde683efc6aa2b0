"""What signs links and webhooks: the same for every machine that shares the database."""

import secrets

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bento.db.models import Secret
from bento.settings import ServiceSettings

NAME = "signing key"


def load_signing_key(engine: Engine, settings: ServiceSettings) -> bytes:
    """``UNMASK_SECRET``; where it is not set, a random one that is made once and kept."""
    given = settings.secret.get_secret_value()
    return (given or _kept(engine)).encode()


def _kept(engine: Engine) -> str:
    with Session(engine) as session:
        if session.get(Secret, NAME) is None:
            session.add(Secret(name=NAME, value=secrets.token_hex(32)))
            try:
                session.commit()
            except IntegrityError:  # another machine was quicker
                session.rollback()
        return session.get_one(Secret, NAME).value
