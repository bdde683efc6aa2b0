"""The worker: claims a job, has it analyzed in a child process, records what came of it.

``python -m bento.worker.job_runner`` takes jobs from the queue that ``UNMASK_QUEUE`` names,
and where none is named from the table itself. The work is the same.
"""

import hashlib
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bento.container import Services
from bento.jobs.leases import JobOutcome, Lease, LeaseManager
from bento.sandbox.runner import (
    AnalysisCancelledError,
    AnalysisCrashedError,
    AnalysisTask,
    SandboxedAnalyzer,
    media_limits,
)
from bento.settings import ServiceSettings
from bento.storage.object_store import ObjectStore
from bento.worker.maintenance import MaintenanceLoop
from unmask.errors import BundleError, MediaError

BEATS = 5  # of a lease
BEAT_S = 0.5  # at least so often, for those who watch
DAY_S = 86_400.0
PICTURE = ".png"
NO_DETECTOR = "no_detector"
NO_DETECTOR_PAUSE_S = 5.0

log = logging.getLogger(__name__)


class Worker:
    """Does jobs one after the other.

    Attributes:
        stopping: Once set, the job at work is given back unfinished.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        claims: LeaseManager,
        store: ObjectStore,
        examiner: SandboxedAnalyzer,
    ) -> None:
        self.settings = settings
        self.claims = claims
        self.store = store
        self.examiner = examiner
        self.stopping = threading.Event()

    def run(self) -> None:
        """Do what waits in the table, until told to stop."""
        self.warm()
        while not self.stopping.is_set():
            try:
                claim = self.claims.acquire_next()
            except SQLAlchemyError:
                log.exception("the database does not answer")
                claim = None
            if claim is None:
                self.stopping.wait(self.settings.poll_s)
            else:
                self.work(claim)

    def warm(self) -> None:
        """Load the detector before the first job waits for it."""
        try:
            self.examiner.start(lambda _stage, _percent: not self.stopping.is_set())
        except AnalysisCancelledError:
            return
        except BundleError as error:
            log.error("no detector yet: %s", error)

    def run_job(self, job_id: str) -> None:
        """Do one job, unless another worker has it or it has ended."""
        if claim := self.claims.acquire(job_id):
            self.work(claim)

    def work(self, claim: Lease) -> None:
        """Do a claimed job to its end, or give it back; no job ends the worker."""
        try:
            self._work(claim)
        except Exception:  # database or store: the lease runs out, and the job is begun again
            log.exception("job %s could not be carried through", claim.job.id)

    def _work(self, claim: Lease) -> None:
        try:
            ending = self._ending(claim)
        except AnalysisCancelledError:
            if self.stopping.is_set():
                self.claims.release(claim)
            else:
                self._clear(claim)
        except BundleError as error:
            log.error("no detector: %s", error)
            self.claims.release(claim, NO_DETECTOR)
            self.stopping.wait(NO_DETECTOR_PAUSE_S)
        else:
            if ending is not None:
                self._end(claim, ending)

    def _end(self, claim: Lease, ending: JobOutcome) -> None:
        if not self.claims.complete(claim, ending):
            self._clear(claim)
        elif ending.drop_upload and claim.job.upload:
            self.store.remove(claim.job.upload)

    def _clear(self, claim: Lease) -> None:
        """Leave no files behind of a job that was cancelled or deleted meanwhile."""
        if self.claims.is_cancelled(claim.job.id):
            self.store.remove(claim.job.id)

    def _ending(self, claim: Lease) -> JobOutcome | None:
        """How the job ends; None where it is to be begun again."""
        try:
            return self._finished(claim)
        except MediaError as error:
            return self._failed(claim, "unreadable", str(error))
        except AnalysisCrashedError as error:
            log.warning("job %s: %s", claim.job.id, error)
            if error.retryable and self.claims.retry(claim):
                return None
            return self._failed(claim, error.kind, str(error))

    def _finished(self, claim: Lease) -> JobOutcome:
        model = self.examiner.start(self._heartbeat_callback(claim))
        key = cache_key(claim, model)
        if earlier := self.claims.find_cached(claim.job.tenant, key):
            return self._reused(claim, earlier)
        if claim.job.upload is None:
            raise MediaError(f"{claim.job.file}: the upload is gone; send it again")
        report, evidence = self._examined(claim, claim.job.upload)
        return JobOutcome(
            **self._retained(claim),
            result=report,
            evidence=evidence,
            cache_key=None if _is_zero_retention(claim) else key,
            stages_s=report["timing_s"],
        )

    def _examined(self, claim: Lease, upload: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        options, job = claim.job.options, claim.job
        with (
            self._upload(claim, upload) as path,
            TemporaryDirectory(dir=self.store.work) as folder,
        ):
            task = AnalysisTask(
                path=str(path),
                shown_as=job.file,
                start_s=options.get("start_s"),
                end_s=options.get("end_s"),
                folder=folder,
                pictures=not _is_zero_retention(claim),
                limits=media_limits(self.settings),
            )
            report = self.examiner.run(task, self._heartbeat_callback(claim))
            pictures = sorted(Path(folder).glob(f"*{PICTURE}"))
            with self._keep_lease_alive(claim):
                for picture in pictures:
                    self.store.put(f"{job.id}/evidence/{picture.name}", picture)
        return report, tuple(picture.stem for picture in pictures)

    @contextmanager
    def _upload(self, claim: Lease, key: str) -> Iterator[Path]:
        try:
            with ExitStack() as stack:
                with self._keep_lease_alive(claim):
                    path = stack.enter_context(self.store.local_copy(key))
                yield path
        except FileNotFoundError as error:
            raise MediaError(f"{claim.job.file}: the upload is gone; send it again") from error

    @contextmanager
    def _keep_lease_alive(self, claim: Lease) -> Iterator[None]:
        """Keep the job while a store far away takes its time; nothing else beats meanwhile."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(self.settings.lease_s / BEATS):
                try:
                    self.claims.renew(claim)
                except SQLAlchemyError:
                    log.warning("the database does not answer")

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _reused(self, claim: Lease, earlier: Any) -> JobOutcome:
        evidence = () if _is_zero_retention(claim) else tuple(earlier.evidence)
        for name in evidence:
            source = f"{earlier.id}/evidence/{name}{PICTURE}"
            self.store.copy(source, f"{claim.job.id}/evidence/{name}{PICTURE}")
        result = {**earlier.result, "media": {**earlier.result["media"], "file": claim.job.file}}
        if _is_zero_retention(claim):
            result["evidence"] = []  # as if it had been analyzed for this job
        return JobOutcome(
            **self._retained(claim),
            result=result,
            evidence=evidence,
            cached=True,
        )

    def _failed(self, claim: Lease, kind: str, words: str) -> JobOutcome:
        return JobOutcome(**self._retained(claim), failure=kind, error=words)

    def _retained(self, claim: Lease) -> dict[str, Any]:
        keep_s = self.settings.keep_days * DAY_S
        if _is_zero_retention(claim):
            keep_s = self.settings.zero_minutes * 60
        return {"keep_s": keep_s, "drop_upload": claim.job.options["retention"] != "keep"}

    def _heartbeat_callback(self, claim: Lease) -> Any:
        pause_s = min(self.settings.lease_s / BEATS, BEAT_S)
        last_s = -pause_s

        def tick(stage: str, percent: float) -> bool:
            nonlocal last_s
            if self.stopping.is_set():
                return False
            if time.monotonic() - last_s < pause_s:
                return True
            last_s = time.monotonic()
            try:
                return self.claims.heartbeat(claim, stage, percent)
            except SQLAlchemyError:  # away for a moment; if longer, the lease runs out
                log.warning("the database does not answer")
                return True

        return tick


def cache_key(claim: Lease, model: str) -> str:
    """What a result depends on: the bytes, the detector, and the part that was looked at."""
    options = claim.job.options
    said = [claim.job.sha256, model, options.get("start_s"), options.get("end_s")]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _is_zero_retention(claim: Lease) -> bool:
    return bool(claim.job.options["retention"] == "zero")


def main() -> None:
    """Work until told to stop, or until the service that started this worker is gone."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    parts = Services.from_settings(ServiceSettings.from_environment())
    examiner = SandboxedAnalyzer(parts.settings)
    worker = Worker(parts.settings, parts.claims, parts.store, examiner)
    serve(worker, parts, with_parent="--with-parent" in sys.argv)


def serve(worker: Worker, parts: Services, with_parent: bool = False) -> None:
    """Run a worker and a keeper in this process until a signal ends it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    if with_parent:
        threading.Thread(target=_outlive_no_parent, args=(worker,), daemon=True).start()
    keeper = MaintenanceLoop(parts)
    keeper.start()
    try:
        if parts.broker is None:
            worker.run()
        else:
            worker.warm()
            parts.broker.run_worker(worker.run_job, worker.stopping)
    finally:
        keeper.stop()
        worker.examiner.close()


def _outlive_no_parent(worker: Worker) -> None:
    sys.stdin.read()  # ends when the parent does, however it ends
    worker.stopping.set()


if __name__ == "__main__":
    main()
