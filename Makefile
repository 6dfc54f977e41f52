PYTHON ?= python3
BIN := .venv/bin

.PHONY: run setup test models bench screenshots

run: setup  ## open the dashboard
	$(BIN)/python -m streamlit run dashboard/app.py

setup: .venv/installed  ## prepare the virtual environment, without starting anything

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/installed

test: .venv/installed-dev  ## lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

MODELS := sample_data/models
models: setup  ## train the shipped models anew (about half an hour)
	$(BIN)/python -m minspnet train breast_cytology --variant all_measurements \
		--out $(MODELS)/breast_cytology-all_measurements --seed 0 --repeats 4
	$(BIN)/python -m minspnet train breast_cytology --variant mean_and_se \
		--out $(MODELS)/breast_cytology-mean_and_se --seed 0 --repeats 4
	$(BIN)/python -m minspnet train lung_nodules --out $(MODELS)/lung_nodules --seed 0 --repeats 4
	$(BIN)/python -m minspnet train wrist_exercise --out $(MODELS)/wrist_exercise --seed 0 --repeats 4
	$(BIN)/python -m minspnet train phishing --out $(MODELS)/phishing --seed 0 --repeats 4
	$(BIN)/python -m minspnet train shuttle --out $(MODELS)/shuttle --seed 0 --repeats 2

PNEUMONIA ?= pneumoniamnist.npz
CREDIT ?= german.csv
PEERS ?= peers

bench: .venv/installed-dev  ## every figure in benchmarks/RESULTS.md (hours); PNEUMONIA=, CREDIT=, PEERS=
	$(BIN)/python -m benchmarks.quality breast_cytology --variant all_measurements --repeats 5
	$(BIN)/python -m benchmarks.quality breast_cytology --variant mean_and_se --repeats 5
	$(BIN)/python -m benchmarks.quality lung_nodules --repeats 3 --budgets 0.2 0.4
	$(BIN)/python -m benchmarks.quality wrist_exercise --repeats 1 --budgets 0.2 0.3 0.4 0.5
	$(BIN)/python -m benchmarks.quality phishing --repeats 3 --budgets 0.4
	$(BIN)/python -m benchmarks.pneumonia --data $(PNEUMONIA) --seeds 4
	$(BIN)/python -m benchmarks.class_head --pneumonia $(PNEUMONIA)
	$(BIN)/python -m benchmarks.own_data --pneumonia $(PNEUMONIA) --credit $(CREDIT)
	$(BIN)/python -m benchmarks.ablation parts wrist_exercise
	$(BIN)/python -m benchmarks.ablation parts breast_cytology --variant mean_and_se
	$(BIN)/python -m benchmarks.ablation parts pneumonia --data $(PNEUMONIA) --repeats 2
	$(BIN)/python -m benchmarks.ablation pictures lung_nodules
	$(BIN)/python -m benchmarks.ablation heads breast_cytology --variant mean_and_se
	$(BIN)/python -m benchmarks.ablation routers breast_cytology --variant mean_and_se
	$(BIN)/python -m benchmarks.ablation routers wrist_exercise
	$(BIN)/python -m benchmarks.regimes --seeds 3 --starts 16
	$(BIN)/python -m benchmarks.sparsity breast_cytology --repeats 20
	$(BIN)/python -m benchmarks.sparsity pneumonia --data $(PNEUMONIA) --seeds 2
	$(BIN)/python -m benchmarks.sparsity lung_nodules --seeds 1
	$(BIN)/python -m benchmarks.guarantee --data $(PNEUMONIA)
	$(BIN)/python -m benchmarks.uncertainty --data $(PNEUMONIA)
	$(BIN)/python -m benchmarks.learning
	$(BIN)/python -m benchmarks.realised --data $(PNEUMONIA)
	$(BIN)/python -m benchmarks.replay
	$(BIN)/python -m benchmarks.batch
	$(BIN)/python -m benchmarks.vectors
	$(BIN)/python -m benchmarks.journeys
	$(BIN)/python -m benchmarks.first_time --pneumonia $(PNEUMONIA) --credit $(CREDIT)
	$(BIN)/python -m benchmarks.waiting
	$(BIN)/python -m benchmarks.sessions
	$(BIN)/python -m benchmarks.record --postgres
	$(BIN)/python -m benchmarks.restore
	$(BIN)/python -m benchmarks.fuzz
	$(BIN)/python -m benchmarks.peers --peers $(PEERS)
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.speed

screenshots: .venv/installed-dev  ## the pictures in the README
	$(BIN)/python -m benchmarks.screenshots
