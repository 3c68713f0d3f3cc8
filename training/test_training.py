"""Hermetic tests of the training code: made-up photos, a narrow network, no data set.

    python3 training/test_training.py
"""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import finetune
import net
import pack_data
import train
from checkpoint import Average, load_checkpoint, save_checkpoint
from curves import draw_run
from data import Pictures, training_batch
from evaluate import accuracy
from losses import Distillation, total_loss
from photos import centre_crop, class_folders, read_photo
from problems import Problem
from retrieval import flower_photos, rank_by_cosine
from safetensors_file import read_safetensors, write_safetensors
from train import make_optimiser, parse_sizes
from weights import open_model

net.CONFIGURATIONS["tiny"] = [4, "M", 4, "M", 8, "M", 8, "M", 8, "M"]  # 7x7 at 224, few weights
SMALL_HIDDEN = 16


def narrow(classes=3, rank=2, batch_norm=True):
    return net.Vgg("tiny", batch_norm=batch_norm, rank=rank, classes=classes)


def photo_folder(root, classes=("blue", "red"), count=6):
    for number, name in enumerate(classes):
        os.makedirs(os.path.join(root, name))
        for index in range(count):
            pixels = np.random.RandomState(index).randint(0, 60, (40, 52, 3), np.uint8)
            pixels[..., 2 * (1 - number % 2)] += 150
            Image.fromarray(pixels).save(os.path.join(root, name, f"{index}.png"))


class Case(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        torch.set_num_threads(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        hidden, net.HIDDEN = net.HIDDEN, SMALL_HIDDEN
        self.addCleanup(setattr, net, "HIDDEN", hidden)

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def refused(self, words, function, *arguments):
        with self.assertRaises(Problem) as caught:
            function(*arguments)
        for word in words:
            self.assertIn(word, str(caught.exception))


class WeightFiles(Case):
    def write(self, model):
        write_safetensors(self.at("m.safetensors"), model.state_dict(), dtype="F32")
        return self.at("m.safetensors")

    def test_a_network_comes_back_the_same(self):
        for rank in (None, 2):
            for batch_norm in (True, False):
                model = narrow(rank=rank, batch_norm=batch_norm).eval()
                again = open_model(self.write(model))
                photo = torch.randn(1, 3, 224, 224)
                self.assertTrue(torch.allclose(model(photo)[0], again(photo)[0], atol=1e-5))

    def test_names_are_torchvisions_with_pairs(self):
        names = narrow().state_dict()
        for name in ("features.0.weight", "features.1.running_mean", "classifier.0.0.weight",
                     "classifier.0.1.bias", "classifier.3.1.weight", "classifier.6.bias"):
            self.assertIn(name, names)
        self.assertNotIn("classifier.0.0.bias", names)

    def test_folded_batch_norm_is_read_whatever_the_numbers(self):
        folded = {name: tensor for name, tensor in narrow().state_dict().items()
                  if not (name.startswith("features") and tensor.dim() <= 1
                          and int(name.split(".")[1]) % 4 == 1)}
        write_safetensors(self.at("f.safetensors"), folded)
        self.assertIsInstance(open_model(self.at("f.safetensors")), net.Vgg)

    def test_bad_files_are_refused_by_name(self):
        path = self.write(narrow())
        with open(path, "rb") as file:
            whole = file.read()
        for cut in (0, 5, 100, len(whole) - 10):
            with open(self.at("cut.safetensors"), "wb") as file:
                file.write(whole[:cut])
            self.refused(["cut.safetensors"], read_safetensors, self.at("cut.safetensors"))
        state = narrow().state_dict()
        state["classifier.6.bias"][0] = float("nan")
        self.refused(["classifier.6.bias", "NaN"], write_safetensors, self.at("n.safetensors"), state)
        self.assertFalse(os.path.exists(self.at("n.safetensors")))
        torch.save(state, self.at("n.pth"))
        self.refused(["n.pth", "classifier.6.bias", "NaN"], open_model, self.at("n.pth"))
        state = narrow().state_dict()
        state["classifier.3.1.weight"] = torch.zeros(3, 3)
        write_safetensors(self.at("s.safetensors"), state)
        self.refused(["classifier.3.1.weight", "[3, 3]"], open_model, self.at("s.safetensors"))

    def test_modules_without_torchvisions_numbers_are_refused_by_name(self):
        whole = narrow().state_dict()
        for own, name, named in (("0.weight", "conv1.weight", "conv1.weight"), ("0.bias", "bias", "bias"),
                                 ("0.weight", "0.kernel", "0.weight is missing")):
            state = {"features." + name if key == "features." + own else key: tensor
                     for key, tensor in whole.items()}
            self.refused(["file: features." + named], net.build_for, state, "file")
        late = {name.replace("features.0.", "features.1."): tensor for name, tensor in narrow(
            batch_norm=False).state_dict().items()}
        late["features.0.scale"] = torch.ones(3)
        self.refused(["file: features.0.scale", "before"], net.build_for, late, "file")

    def test_factorising_at_full_rank_changes_nothing(self):
        model, photo = narrow(rank=None).eval(), torch.randn(2, 3, 224, 224)
        before = model(photo)[0]
        after = net.factorise(model, SMALL_HIDDEN).eval()(photo)[0]
        self.assertTrue(torch.allclose(before, after, atol=1e-3))


class Training(Case):
    def pictures(self, side):
        return Pictures(torch.randint(0, 256, (8, 3, side, side), dtype=torch.uint8),
                        torch.tensor([-1, 0, 1, 2, 0, 1, 2, -1]))

    def step(self, model, optimiser, average):
        batch = training_batch(self.pictures(48), self.pictures(16), 8, 32)
        loss, _ = total_loss(model, model(batch.photos), batch, torch.randn(8, 3), torch.rand(8, 1280))
        optimiser.zero_grad()
        loss.backward()
        for group in optimiser.param_groups:
            group["lr"] = 1e-3
        optimiser.step()
        average.update(model.student)
        return loss.item()

    def begin(self):
        model = Distillation(narrow())
        return model, make_optimiser(model, 0.05), Average(model.student, 0.9)

    def test_going_on_gives_the_same_losses_to_the_bit(self):
        first = self.begin()
        for _ in range(3):
            self.step(*first)
        save_checkpoint(self.at("c.pt"), 3, *first, {})
        expected = [self.step(*first) for _ in range(3)]
        second = self.begin()
        self.assertEqual(load_checkpoint(self.at("c.pt"), *second, torch.device("cpu"), {}), 3)
        self.assertEqual([self.step(*second) for _ in range(3)], expected)
        for name, tensor in first[2].state.items():
            self.assertTrue(torch.equal(tensor, second[2].state[name]), name)

    def test_a_batch_is_mixed_within_range(self):
        batch = training_batch(self.pictures(48), self.pictures(16), 8, 32, mixed=1.0)
        self.assertEqual(batch.photos.shape, (8, 3, 32, 32))
        self.assertGreaterEqual(batch.photos.min().item(), 0)
        self.assertLessEqual(batch.photos.max().item(), 255)

    def test_a_damaged_checkpoint_is_refused(self):
        with open(self.at("c.pt"), "wb") as file:
            file.write(b"PK\x03\x04 not one")
        self.refused(["c.pt"], load_checkpoint, self.at("c.pt"), *self.begin(), torch.device("cpu"), {})

    def test_sizes(self):
        self.assertEqual(parse_sizes("64:0.5,96:1"), [(64, 0.5), (96, 1.0)])
        for text in ("64", "64:0.5", "16:1", "a:1"):
            self.refused(["--sizes"], parse_sizes, text)

    def test_curves_of_a_log(self):
        with open(self.at("log.jsonl"), "w") as file:
            for step in range(1, 60):
                file.write(json.dumps({"step": step, "loss": 9 / step, "class_loss": 8 / step,
                                       "feature_loss": 1 / step}) + "\n")
            file.write(json.dumps({"step": 60, "validation": {"validation-tiny": 12.5}}) + "\n")
        draw_run(self.at("log.jsonl"), self.at("curves.svg"))
        with open(self.at("curves.svg")) as file:
            self.assertIn("<polyline", file.read())


class TrainingRun(Case):
    """train.py whole, on made-up pictures and a made-up teacher."""

    def setUp(self):
        super().setUp()
        photo_folder(self.at("photos"))
        pairs = [(file, label) for label, (_, files) in enumerate(class_folders(self.at("photos")))
                 for file in files]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for name in ("large", "tiny", "validation-large", "validation-tiny"):
                pack_data.pack(name, pairs, 32, self.folder)
        self.replace(train, "open_teacher", lambda _: MadeUpTeacher())
        self.replace(train.Run, "measure_teacher", lambda _: None)

    def replace(self, owner, name, value):
        self.addCleanup(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)

    def run_it(self, out, *more):
        with contextlib.redirect_stdout(io.StringIO()):
            train.main(["--data", self.folder, "--packed", self.folder, "--out", self.at(out), "--steps", "6",
                        "--configuration", "tiny", "--rank", "2", "--batch", "8", "--sizes", "32:1",
                        "--teacher-size", "32", "--validate-every", "3", "--device", "cpu", *more])

    def average(self, out):
        return open_model(self.at(out, "checkpoint.pt")).state_dict()

    def test_the_same_command_goes_on_to_the_same_weights(self):
        self.run_it("whole")
        self.run_it("parts", "--stop-after", "4")
        self.run_it("parts")
        for name, tensor in self.average("whole").items():
            self.assertTrue(torch.equal(tensor, self.average("parts")[name]), name)

    def test_another_command_is_refused_by_the_first_argument_that_differs(self):
        self.run_it("out", "--stop-after", "2")
        for given, was in (("--rank 4", "--rank 2"), ("--steps 7", "--steps 6"),
                           ("--rate 0.1", "--rate 0.0008"), ("--limit 5", "no --limit"),
                           ("--large-share 0.5", "--large-share 0.55")):
            self.refused([f"begun with {was}, not {given}"], self.run_it, "out", *given.split())
        self.run_it("out", "--stop-after", "2", "--save-every", "1", "--threads", "1")

    def test_a_log_cut_by_a_power_failure_goes_on(self):
        self.run_it("out", "--stop-after", "4")
        with open(self.at("out", "log.jsonl"), "a", encoding="utf-8") as file:
            file.write('{"step": 4, "validation": {"vali')
        self.run_it("out")
        with open(self.at("out", "log.jsonl"), encoding="utf-8") as file:
            steps = [json.loads(line)["step"] for line in file]
        self.assertEqual(steps, [0, 3, 4, 5, 6])

    def test_a_nan_is_never_saved(self):
        def finite_loss_with_a_nan_gradient(model, *_, **__):
            norm = (model.projection.bias - model.projection.bias.detach()).pow(2).sum().sqrt()
            return norm, {"class_loss": norm, "feature_loss": norm, "relation_loss": norm}

        self.run_it("out", "--stop-after", "2")
        good = self.average("out")
        self.replace(train, "total_loss", finite_loss_with_a_nan_gradient)
        self.refused(["NaN", "step 3", "checkpoint.pt holds the last good state"], self.run_it, "out",
                     "--save-every", "3")
        for name, tensor in self.average("out").items():
            self.assertTrue(torch.equal(tensor, good[name]), name)
        self.refused(["NaN", "step 3", "nothing was saved"], self.run_it, "new", "--save-every", "3")
        self.refused(["loss is nan", "step 5", "nothing was saved"], self.run_it, "new")


class MadeUpTeacher(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.linspace(-0.02, 0.02, 3 * 1280).reshape(3, 1280))

    def forward(self, photos):
        features = photos.mean((2, 3)) @ self.weight
        return features[:, :1000], features


class Measures(Case):
    def test_accuracy_among_all_and_trained(self):
        scores = torch.zeros(2, 1000)
        scores[0, 0] = 1                   # tench, a class with labels: right
        scores[1, 2], scores[1, 1] = 2, 1  # goldfish (labels) taken for a shark (teacher only)
        row = accuracy(scores, torch.tensor([0, 1]))
        self.assertEqual((row["top1"], row["top5"], row["top1_among_trained"]), (50.0, 100.0, 100.0))
        self.assertEqual(row["worst_confusions"][0]["photos"], 1)

    def test_retrieval_by_hand(self):
        vectors = torch.eye(2).repeat_interleave(11, 0) + 0.01 * torch.rand(22, 2)
        self.assertEqual(rank_by_cosine(vectors, ["a"] * 11 + ["b"] * 11), (1.0, 1.0))


    def test_a_limited_measurement_takes_of_every_class_alike(self):
        photo_folder(self.at("flowers", "dataset", "val"), ("daisy", "rose", "tulip"), 5)
        for limit, counts in ((3, [1, 1, 1]), (9, [3, 3, 3]), (10, [4, 3, 3]), (15, [5] * 3), (99, [5] * 3)):
            files, names = flower_photos(self.folder, limit, ("val",))
            self.assertEqual([names.count(name) for name in ("daisy", "rose", "tulip")], counts)
            self.assertEqual(len(set(files)), sum(counts))


class Photos(Case):
    def test_transparency_lies_over_white_and_exif_turns(self):
        Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(self.at("a.png"))
        self.assertEqual(read_photo(self.at("a.png")).getpixel((0, 0)), (255, 255, 255))
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned a quarter
        Image.new("RGB", (8, 4)).save(self.at("b.jpg"), exif=exif.tobytes())
        self.assertEqual(read_photo(self.at("b.jpg")).size, (4, 8))

    def test_grey_of_16_bits_gives_its_high_byte(self):
        values = np.array([[0, 255, 256, 0x1234, 65535]], np.uint16)
        Image.fromarray(values.astype(np.int32), "I").save(self.at("deep.png"))
        read = np.asarray(read_photo(self.at("deep.png")))
        self.assertEqual(read.tolist(), [[[grey] * 3 for grey in (0, 0, 1, 0x12, 255)]])
        # One transparent grey, equal in both bytes only.
        Image.fromarray(values.astype(np.int32), "I").save(self.at("key.png"), transparency=0x1234)
        self.assertEqual(np.asarray(read_photo(self.at("key.png")))[0, :, 0].tolist(), [0, 0, 1, 255, 255])

    def test_sizes_of_crops(self):
        for size in ((300, 400), (256, 256), (20, 500), (3, 3)):
            self.assertEqual(centre_crop(Image.new("RGB", size)).shape, (224, 224, 3))

    def test_bad_folders_and_photos_are_named(self):
        self.refused(["nowhere"], class_folders, self.at("nowhere"))
        os.makedirs(self.at("one", "cat"))
        self.refused(["one", "1 class folder"], class_folders, self.at("one"))
        os.makedirs(self.at("one", "dog"))
        self.refused([os.path.join("one", "cat"), "no photos"], class_folders, self.at("one"))
        with open(self.at("x.jpg"), "wb") as file:
            file.write(b"\xff\xd8 no photo")
        self.refused(["x.jpg"], read_photo, self.at("x.jpg"))


class FineTuning(Case):
    def run_it(self, *more):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            finetune.main(["--data", self.at("photos"), "--weights", self.at("m.safetensors"),
                           "--out", self.at("out"), "--views", "2", "--epochs", "2", "--device", "cpu",
                           *more])

    def setUp(self):
        super().setUp()
        photo_folder(self.at("photos"))
        write_safetensors(self.at("m.safetensors"), narrow(classes=5).state_dict(), dtype="F32")

    def test_every_freeze_writes_a_network_of_two_classes(self):
        for freeze in finetune.STAGES:
            self.run_it("--freeze", freeze)
            model = open_model(self.at("out"))
            self.assertEqual(model.classifier[6].out_features, 2)
            before = open_model(self.at("m.safetensors"))
            same = torch.allclose(model.features[0].weight, before.features[0].weight, atol=1e-3)
            self.assertTrue(same or freeze == "none")
        self.assertEqual(sorted(os.listdir(self.at("out"))), [
            "curves.svg", "labels.txt", "log.jsonl", "model.safetensors", "report.json"])
        with open(self.at("out", "labels.txt")) as file:
            self.assertEqual(file.read(), "blue\nred\n")

    def test_the_same_seed_gives_the_same_bytes(self):
        for freeze in finetune.STAGES:
            files = []
            for seed in ("1", "1", "2"):
                self.run_it("--freeze", freeze, "--seed", seed)
                with open(self.at("out", "model.safetensors"), "rb") as file:
                    files.append(file.read())
            self.assertEqual(files[0], files[1], freeze)
            self.assertNotEqual(files[0], files[2], freeze)

    def test_a_broken_photo_is_named_and_nothing_is_written(self):
        with open(self.at("photos", "red", "3.png"), "wb") as file:
            file.write(b"no photo")
        self.refused([os.path.join("red", "3.png")], self.run_it)
        self.assertFalse(os.path.exists(self.at("out")))


if __name__ == "__main__":
    unittest.main()
