"use strict";

const { api, files } = document.body.dataset;
const form = document.querySelector("form");
const section = document.querySelector("section");
const status = section.querySelector("[role=status]");
const bar = section.querySelector("progress");
const cancel = section.querySelector("button");
const video = document.querySelector("video");

const words = {
  queued: "Waiting for a worker", submitting: "Handing it to the service", polling: "Accepted",
  preparing: "The service prepares it", queueing: "In the queue of the service",
  processing: "Rendering", retrieving: "Rendered; asking for the file",
  saving: "Saving the video here", ending: "Almost there",
};

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

// One key for each content of the form: a click that is sent twice is one video.
let key = crypto.randomUUID();
form.addEventListener("input", () => { key = crypto.randomUUID(); });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch(api, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify({ model: "MiniMax-Hailuo-02", prompt: form.prompt.value }),
  });
  const asked = await answer.json();
  section.hidden = false;
  video.hidden = true;
  if (!answer.ok) return say(asked.error);
  cancel.hidden = bar.hidden = false;
  cancel.onclick = () => fetch(`${asked.progress}/cancel`, { method: "POST" });
  follow(asked.progress);
});

async function follow(url) {
  const answer = await fetch(url);
  const job = answer.ok ? await answer.json() : { stage: "waiting" };
  if (job.elapsed < job.expected_seconds) {
    bar.max = job.expected_seconds;
    bar.value = job.elapsed;
  } else bar.removeAttribute("value");
  if (!["SUCCESS", "FAILURE", "REVOKED"].includes(job.state)) {
    const at = job.stage === "polling" ? (job.status ?? "polling").toLowerCase() : job.stage;
    say(words[at] ?? "Waiting to be sent");
    return setTimeout(follow, 1000, url);
  }
  cancel.hidden = bar.hidden = true;
  say({ SUCCESS: "Your video is ready", REVOKED: "Cancelled" }[job.state] ?? job.error.message);
  if (job.video?.saved_to) {
    video.src = files.replace("ID", job.id);
    video.hidden = false;
  }
}
