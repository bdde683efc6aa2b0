"""Runs leased jobs: fetches the upload, analyzes it in the sandbox, records the outcome."""

import hashlib
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from bento.db.models import Job
from bento.errors import AnalysisCancelledError, AnalysisCrashedError
from bento.jobs.leases import Lease, LeaseManager
from bento.jobs.outcome import JobOutcome
from bento.sandbox.protocol import AnalysisTask
from bento.sandbox.runner import SandboxedAnalyzer, media_limits
from bento.security.report_keys import ReportSigner
from bento.settings import DAY_S, ServiceSettings
from bento.storage.keys import evidence_key
from bento.storage.object_store import ObjectStore
from bento.worker.heartbeat import Heartbeat
from unmask import __version__
from unmask.errors import BundleError, MediaError, UnmaskError
from unmask.serving.custody.record import state_request
from unmask.serving.provenance.reader import without_thumbnails
from unmask.serving.report.schema import SCHEMA_VERSION, Report

NO_DETECTOR = "no_detector"  # stage of a job that waits for a detector
NO_DETECTOR_PAUSE_S = 5.0
UPLOAD_GONE = "the upload no longer exists; submit the video again"
UPLOAD_CHANGED = "the stored upload is no longer the file that was sent; submit the video again"

log = logging.getLogger(__name__)


class Worker:
    """Runs one job at a time.

    Args:
        no_detector_pause_s: Pause after a job was released because no detector can be loaded.

    Attributes:
        stopping: Set it to stop the worker; the current job is released.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        leases: LeaseManager,
        store: ObjectStore,
        analyzer: SandboxedAnalyzer,
        no_detector_pause_s: float = NO_DETECTOR_PAUSE_S,
    ) -> None:
        self.settings = settings
        self.leases = leases
        self.store = store
        self.analyzer = analyzer
        self.stopping = threading.Event()
        self._signer = ReportSigner.load(settings, leases.engine)
        self._no_detector_pause_s = no_detector_pause_s

    def run(self) -> None:
        """Poll the database for queued jobs and run them until the worker is stopped."""
        self.warm_up()
        while not self.stopping.is_set():
            try:
                lease = self.leases.acquire_next()
            except SQLAlchemyError:
                log.exception("the database is unavailable")
                lease = None
            if lease is None:
                self.stopping.wait(self.settings.poll_s)
            else:
                self.run_job(lease)

    def warm_up(self) -> None:
        """Load the detector before the first job arrives."""
        try:
            self.analyzer.start(lambda _stage, _percent: not self.stopping.is_set())
        except AnalysisCancelledError:
            return
        except BundleError as error:
            log.error("no detector yet: %s", error)

    def run_queued(self, _job_id: str) -> None:
        """Lease and run the next job, if any.

        A message says that a job is queued; the database decides by fair turns which is next.
        """
        if lease := self.leases.acquire_next():
            self.run_job(lease)

    def run_job(self, lease: Lease) -> None:
        """Run a leased job until it ends or is released; errors are logged, never raised."""
        try:
            if outcome := self._run(lease):
                self._record(lease, outcome)
        except Exception:  # e.g. the database or the store; the job is retried after its lease
            log.exception("job %s failed; it is retried when its lease expires", lease.job.id)

    def _run(self, lease: Lease) -> JobOutcome | None:
        try:
            return self._analyze(lease)
        except UnmaskError as error:
            return self._outcome_of_error(lease, error)

    def _outcome_of_error(self, lease: Lease, error: UnmaskError) -> JobOutcome | None:
        """Return how an error ends the job; None if the job does not end with it."""
        match error:
            case AnalysisCancelledError() if self.stopping.is_set():
                self.leases.release(lease)
                return None
            case AnalysisCancelledError():
                self._delete_if_cancelled(lease)
                return None
            case BundleError():
                log.error("no detector: %s", error)
                self.leases.release(lease, NO_DETECTOR)
                self.stopping.wait(self._no_detector_pause_s)
                return None
            case MediaError():
                return self._outcome(lease, failure="unreadable", error=str(error))
            case AnalysisCrashedError():
                log.warning("job %s: %s", lease.job.id, error)
                if error.retryable and self.leases.retry(lease, str(error)):
                    return None
                return self._outcome(lease, failure=error.kind, error=str(error))
            case _:
                raise error

    def _analyze(self, lease: Lease) -> JobOutcome:
        """Analyze the upload, or reuse the result of an identical job."""
        heartbeat = Heartbeat(self.leases, lease, self.stopping)
        key = cache_key(lease.job, self.analyzer.start(heartbeat.on_progress))
        if cached := self._reuse_result(lease.job, key):
            return self._outcome(lease, **cached)
        with (
            self._local_upload(lease.job, heartbeat) as path,
            TemporaryDirectory(dir=self.store.work) as folder,
        ):
            task = AnalysisTask(
                path=path,
                shown_as=lease.job.file,
                start_s=lease.job.options.get("start_s"),
                end_s=lease.job.options.get("end_s"),
                work_dir=Path(folder),
                save_evidence=not _is_zero_retention(lease.job),
                limits=media_limits(self.settings),
            )
            report = self.analyzer.run(task, heartbeat.on_progress)
            _require_same_file(lease.job, report)
            images = sorted(Path(folder).glob("*.png"))
            with heartbeat.keep_alive():
                for image in images:
                    self.store.put(evidence_key(lease.job.id, image.stem), image)
        return self._outcome(
            lease,
            report=self._certify(lease.job, report),
            evidence=tuple(image.stem for image in images),
            cache_key=None if _is_zero_retention(lease.job) else key,
            stages_s=report.timing_s.model_dump(),
        )

    @contextmanager
    def _local_upload(self, job: Job, heartbeat: Heartbeat) -> Iterator[Path]:
        if job.upload is None:
            raise MediaError(f"{job.file}: {UPLOAD_GONE}")
        try:
            with ExitStack() as stack:
                with heartbeat.keep_alive():  # a remote store may be slow
                    path = stack.enter_context(self.store.local_copy(job.upload))
                yield path
        except FileNotFoundError as error:
            raise MediaError(f"{job.file}: {UPLOAD_GONE}") from error

    def _reuse_result(self, job: Job, key: str) -> dict[str, Any] | None:
        """Return the outcome of an earlier, identical job; None without one."""
        earlier = self.leases.find_cached(job.tenant, key)
        if earlier is None:
            return None
        try:
            report = Report.model_validate(earlier.result)
        except ValidationError:  # written by another version
            log.info("job %s: the cached result of job %s is unreadable", job.id, earlier.id)
            return None
        evidence = () if _is_zero_retention(job) else tuple(earlier.evidence)
        for name in evidence:
            self.store.copy(evidence_key(earlier.id, name), evidence_key(job.id, name))
        media = report.media.model_copy(update={"file": job.file})
        report = report.model_copy(update={"media": media})
        if _is_zero_retention(job):  # as an analysis of this job would have given
            provenance = without_thumbnails(report.provenance)
            report = report.model_copy(update={"evidence": (), "provenance": provenance})
        report = self._certify(job, report)
        return {"report": report, "evidence": evidence, "cached": True}

    def _certify(self, job: Job, report: Report) -> Report:
        """Return the report with what the request stated, signed."""
        received_at = datetime.fromtimestamp(int(job.created_at), UTC)
        stated = (job.options.get("operator"), job.options.get("case_number"), received_at)
        return self._signer.sign(state_request(report, *stated))

    def _record(self, lease: Lease, outcome: JobOutcome) -> None:
        if not self.leases.complete(lease, outcome):
            self._delete_if_cancelled(lease)
        elif outcome.drop_upload and lease.job.upload:
            self.store.remove(lease.job.upload)

    def _delete_if_cancelled(self, lease: Lease) -> None:
        if self.leases.is_cancelled(lease.job.id):
            self.store.remove(lease.job.id)

    def _outcome(self, lease: Lease, **fields: Any) -> JobOutcome:
        """Return an outcome with the retention that the job requests."""
        keep_s = self.settings.keep_days * DAY_S
        if _is_zero_retention(lease.job):
            keep_s = self.settings.zero_minutes * 60
        drop_upload = lease.job.options["retention"] != "keep"
        return JobOutcome(keep_s=keep_s, drop_upload=drop_upload, **fields)


def cache_key(job: Job, model_sha256: str) -> str:
    """Return a hash of all that a result depends on: upload, detector, part, code and schema."""
    options = job.options
    versions = [SCHEMA_VERSION, __version__]  # a new release may see more in the same video
    parts = [job.sha256, model_sha256, options.get("start_s"), options.get("end_s"), *versions]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _require_same_file(job: Job, report: Report) -> None:
    if report.media.sha256 != job.sha256:
        raise MediaError(f"{job.file}: {UPLOAD_CHANGED}")


def _is_zero_retention(job: Job) -> bool:
    return bool(job.options["retention"] == "zero")
